// The wall: a tile for each live call, thumbnails on the first of them.

import { Eyes } from "./officer_media.js";
import { phrase } from "./officer_words.js";

const THUMBNAILS = 16;
const PAGE = 48;

const text = (className, words) => {
  const made = document.createElement("span");
  made.className = className;
  made.textContent = words;
  return made;
};

/** What stands on a tile below its title. */
export function marks(call) {
  return [
    call.class === "privileged" ? phrase("privileged") : "",
    call.recorded === "failed" ? phrase("unrecorded") : "",
    call.holds.includes("monitor") ? phrase("waits") : "",
    call.holds.length ? phrase("on_hold", { why: call.holds.join(", ") }) : "",
    call.speaker ? phrase("spoken_by", { name: call.speaker.name, to: phrase(call.speaker.to) }) : "",
    ears(call).length ? phrase("listened_by", { names: ears(call).join(", ") }) : "",
    call.withheld.length ? phrase("withheld", { what: call.withheld.join(", ") }) : "",
  ].filter(Boolean);
}

const ears = (call) => call.listeners.filter((each) => !each.thumbnails).map((each) => each.name);

export class Wall {
  #list;
  #open;
  #tiles = new Map();
  #eyes = new Map();
  #shown = [];
  #queue = Promise.resolve();
  page = 0;
  chosen = null;
  mayWatch = false;

  /** `open` is called with the id of a call that is chosen. */
  constructor(list, open) {
    this.#list = list;
    this.#open = open;
    list.addEventListener("keydown", (event) => this.#move(event));
  }

  get pages() {
    return Math.max(1, Math.ceil(this.#shown.length / PAGE));
  }

  get range() {
    return [Math.min(this.#shown.length, this.page * PAGE + 1), Math.min(this.#shown.length, (this.page + 1) * PAGE)];
  }

  /** Show these calls, in this order. Only what changed is touched. */
  show(calls) {
    this.#shown = calls;
    this.page = Math.min(this.page, this.pages - 1);
    const now = calls.slice(this.page * PAGE, (this.page + 1) * PAGE);
    const ids = new Set(now.map((call) => call.id));
    for (const [id, tile] of this.#tiles) {
      if (ids.has(id)) continue;
      tile.item.remove();
      this.#tiles.delete(id);
    }
    now.forEach((call, index) => {
      const tile = this.#tile(call.id);
      if (this.#list.children[index] !== tile.item) this.#list.insertBefore(tile.item, this.#list.children[index] ?? null);
      this.#fill(tile, call);
    });
    this.#watch(now.slice(0, THUMBNAILS));
  }

  /** Say which call is open. */
  choose(id) {
    this.chosen = id;
    for (const [each, tile] of this.#tiles) tile.button.setAttribute("aria-current", String(each === id));
  }

  close() {
    this.#watch([]);
  }

  #tile(id) {
    if (!this.#tiles.has(id)) {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.call = id;
      button.addEventListener("click", () => this.#open(id));
      item.append(button);
      this.#tiles.set(id, { item, button, drawn: "" });
    }
    return this.#tiles.get(id);
  }

  #fill(tile, call) {
    const drawn = JSON.stringify(call);
    if (tile.drawn === drawn) return;
    tile.drawn = drawn;
    const alarming = call.holds.includes("monitor") || call.recorded === "failed";
    tile.button.className = `tile ${call.class} ${alarming ? "waits" : ""}`;
    tile.button.setAttribute("aria-current", String(call.id === this.chosen));
    const people = [call.resident, call.visitors.join(", ")].filter(Boolean).join(" – ");
    const old = tile.button.querySelector(".thumbs");
    tile.button.replaceChildren(
      ...(old ? [old] : []),
      text("name", `${call.station}${call.unit ? ` · ${call.unit}` : ""}`),
      text("fact", people),
      text("fact", call.state),
      ...marks(call).map((each) => text("sign", each)),
    );
  }

  #watch(calls) {
    const wanted = new Set(
      calls.filter((call) => this.mayWatch && call.opens && call.video && call.state === "active").map((call) => call.id),
    );
    for (const [id, eyes] of this.#eyes) {
      if (wanted.has(id)) continue;
      eyes.close();
      this.#eyes.delete(id);
      this.#tiles.get(id)?.button.querySelector(".thumbs")?.remove();
    }
    for (const id of wanted) {
      if (this.#eyes.has(id)) continue;
      const eyes = new Eyes();
      this.#eyes.set(id, eyes);
      // One after the other: sixteen handshakes at once would make each of them slow.
      this.#queue = this.#queue.then(() => this.#begin(id, eyes));
    }
  }

  async #begin(id, eyes) {
    if (this.#eyes.get(id) !== eyes) return;
    try {
      if (!(await eyes.open(id))) return;
    } catch {
      eyes.close();
      return; // Refused, or over: the tile goes on without pictures.
    }
    const pictures = document.createElement("span");
    pictures.className = "thumbs";
    pictures.append(...eyes.screens);
    this.#tiles.get(id)?.button.prepend(pictures);
    for (const screen of eyes.screens) screen.play().catch(() => {});
  }

  #move(event) {
    const buttons = [...this.#list.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    const columns = getComputedStyle(this.#list).gridTemplateColumns.split(" ").length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (at < 0 || !step) return;
    event.preventDefault();
    buttons[Math.max(0, Math.min(buttons.length - 1, at + step))].focus();
  }
}
