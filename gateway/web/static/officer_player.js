// The recording that is open: played, marked, held, exported. Nothing is done without a reason, which is audited first.

import { phrase } from "./officer_words.js";
import { call as api } from "./staff_api.js";

const at = (selector) => document.querySelector(selector);
const path = (id, what = "") => `recordings/${encodeURIComponent(id)}${what}`;
const AGAIN = 700;
const HOLDERS = ["auditor", "administrator"];
const PLAYABLE = ["whole", "failed", "recovered"];

function line(...parts) {
  const made = document.createElement("li");
  made.append(...parts);
  return made;
}

export class Player {
  #ask;
  #complain;
  #when;
  #stateOf;
  #changed;
  #row = null;
  #played = false;
  roles = [];

  /** `when` formats a moment of a facility, `stateOf` a recording's state; `changed`: what the list shows is other now. */
  constructor({ ask, complain, when, stateOf, changed }) {
    this.#ask = ask;
    this.#complain = complain;
    this.#when = when;
    this.#stateOf = stateOf;
    this.#changed = changed;
  }

  get id() {
    return this.#row?.id ?? null;
  }

  async open(id) {
    this.close();
    this.#row = { id };
    try {
      await this.#draw(id);
    } catch (error) {
      if (this.id === id) this.close();
      this.#complain(error);
      return;
    }
    if (this.id !== id) return;
    at("#player").hidden = false;
    at("#player").scrollIntoView();
    at("#player-title").focus({ preventScroll: true });
  }

  close() {
    this.#row = null;
    this.#played = false;
    at("#playback").removeAttribute("src");
    at("#playback").load();
    at("#bundle").removeAttribute("href");
    for (const each of ["#player", "#playback", "#playback-made", "#bundle-made", "#bundle-ready"]) at(each).hidden = true;
  }

  /** Do what a key stands for, if it may be done. */
  press(key) {
    at(`#recording-acts button[data-key="${key}"]`)?.click();
  }

  async #draw(id) {
    const { recording: row, marks, notes, holds, acts } = await api("GET", path(id));
    if (this.id !== id) return;
    this.#row = row;
    const people = [row.resident, row.visitor].filter(Boolean).join(" – ");
    at("#player-title").textContent = [row.station, people].filter(Boolean).join(" · ");
    const facts = [this.#when(row.begun, row.facility), phrase(row.class), this.#stateOf(row), row.failure];
    at("#player-facts").textContent = facts.filter(Boolean).join(" · ");
    const noted = [...notes, ...marks].sort((one, other) => Date.parse(one.made) - Date.parse(other.made));
    at("#marks").replaceChildren(...noted.map((mark) => this.#mark(mark)));
    at("#holds").replaceChildren(...holds.filter((hold) => !hold.lifted).map((hold) => this.#hold(hold)));
    at("#custody").replaceChildren(...acts.map((act) => this.#act(act)));
    this.#drawActs();
  }

  #drawActs() {
    const row = this.#row;
    const there = PLAYABLE.includes(row.state);
    const holds = this.roles.some((role) => HOLDERS.includes(role));
    const acts = [
      [there, "p", "play", () => this.#play()],
      [there, "e", "export", () => this.#export()],
      [holds && row.state !== "erased", "h", "hold", () => this.#reasoned("hold", "POST", "/hold")],
      [holds && row.held, "l", "lift", () => this.#reasoned("lift", "DELETE", "/hold")],
      [this.#played, "b", "bookmark", () => this.#note("bookmark", Math.round(at("#playback").currentTime * 1000))],
      [true, "o", "note", () => this.#note("note", null)],
    ];
    at("#recording-acts").replaceChildren(
      ...acts.filter(([may]) => may).map(([, key, name, press]) => {
        const made = document.createElement("button");
        Object.assign(made, { type: "button", className: "plain-button", textContent: `${phrase(name)} (${key.toUpperCase()})` });
        made.dataset.key = key;
        made.addEventListener("click", press);
        return made;
      }),
    );
  }

  #hold({ placed, placed_by: by, reason: why }) {
    return line(phrase("held_because", { time: this.#when(placed, this.#row.facility), by, why }));
  }

  #act({ at: moment, actor, action, facts }) {
    const why = [facts.why ?? facts.reason, facts.text].filter(Boolean).join(", ");
    return line(`${this.#when(moment, this.#row.facility)} ${actor}: ${action.replace("recording.", "")}${why ? ` (${why})` : ""}`);
  }

  /** A bookmark, which is gone to; or a note on the recording or its call. */
  #mark(mark) {
    if (!Number.isInteger(mark.at)) return line(`${this.#when(mark.made, this.#row.facility)} ${mark.made_by}: ${mark.text}`);
    const made = document.createElement("button");
    Object.assign(made, { type: "button", className: "plain-button", textContent: `${(mark.at / 1000).toFixed(1)} s: ${mark.text}` });
    made.addEventListener("click", () => (at("#playback").currentTime = mark.at / 1000));
    return line(made);
  }

  #play() {
    const { id } = this.#row;
    this.#ask({ title: `${phrase("play")}: ${this.#row.station}`, label: phrase("play"), needed: true }, async (reason) => {
      const file = await this.#made(id, "playback", reason);
      if (!file) return;
      this.#played = true;
      at("#playback").hidden = false;
      at("#playback").src = file;
      at("#playback").play().catch(() => {});
      await this.#draw(id);
    });
  }

  #export() {
    const { id } = this.#row;
    this.#ask({ title: `${phrase("export")}: ${this.#row.station}`, label: phrase("export"), needed: true }, async (reason) => {
      at("#bundle-ready").hidden = true;
      const file = await this.#made(id, "bundle", reason);
      if (!file) return;
      at("#bundle").href = file;
      at("#bundle-ready").hidden = false;
      at("#bundle").focus();
      await this.#draw(id);
    });
  }

  /** Have a file made of the recording, with its progress shown; its address, or null once another is open. */
  async #made(id, what, reason) {
    const box = at(`#${what}-made`);
    try {
      let made = await api("POST", path(id, `/${what}`), { reason });
      while (this.id === id && !made.done && !made.error) {
        box.hidden = false;
        box.querySelector("progress").value = made.progress;
        await new Promise((again) => setTimeout(again, AGAIN));
        made = await api("GET", path(id, `/${what}`));
      }
      if (made.error) throw new Error(phrase("failed", { why: made.error }));
      return this.id === id ? new URL(made.file.replace(/^\//, ""), document.baseURI).href : null;
    } finally {
      if (this.id === id) box.hidden = true;
    }
  }

  #reasoned(name, method, what) {
    const { id } = this.#row;
    this.#ask({ title: `${phrase(name)}: ${this.#row.station}`, label: phrase(name), needed: true }, async (reason) => {
      await api(method, path(id, what), { reason });
      await this.#draw(id);
      this.#changed();
    });
  }

  #note(name, moment) {
    const { id } = this.#row;
    this.#ask({ title: phrase(name), label: phrase(name), needed: true, asked: phrase("text") }, async (text) => {
      await api("POST", path(id, "/marks"), { text, ...(moment === null ? {} : { at: moment }) });
      await this.#draw(id);
    });
  }
}
