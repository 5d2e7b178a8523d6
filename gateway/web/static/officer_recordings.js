// The archive: recordings searched for by person, station, day, class and note, and the one that is open beside them.

import * as days from "./officer_days.js";
import { Player } from "./officer_player.js";
import { phrase } from "./officer_words.js";
import { call as api } from "./staff_api.js";
import { language } from "./strings.js";

const at = (selector) => document.querySelector(selector);
const CLASSES = ["ordinary", "privileged"];
const SHOWN = { dateStyle: "medium", timeStyle: "short" };
const STATES = { recording: "still_recording", failed: "failed_state" };

/** What a recording is, in words. */
const stateOf = (row) => phrase(STATES[row.state] ?? row.state);

export class Recordings {
  #complain;
  #player;
  #zones = {};

  /** `ask` opens the dialog for a reason; `complain` shows what went wrong. */
  constructor({ ask, complain }) {
    this.#complain = complain;
    const when = (moment, facility) => this.#when(moment, facility);
    this.#player = new Player({ ask, complain, when, stateOf, changed: () => this.search() });
    at("#find-class").replaceChildren(...["", ...CLASSES].map((each) => new Option(phrase(each || "all"), each)));
    at("#find").addEventListener("submit", (event) => {
      event.preventDefault();
      this.search();
    });
    at("#close-recording").addEventListener("click", () => this.stop());
    at("#found").addEventListener("keydown", (event) => this.#move(event));
  }

  /** Who looks: their roles, and the time zones of their facilities. */
  begin({ roles, zones }) {
    this.#player.roles = roles;
    this.#zones = zones;
  }

  get #query() {
    const zones = [...new Set(Object.values(this.#zones))];
    const zone = zones.length === 1 ? zones[0] : undefined;
    const [after, before] = [at("#find-after").value, at("#find-before").value];
    const given = {
      ...Object.fromEntries(["person", "station", "class", "note"].map((name) => [name, at(`#find-${name}`).value.trim()])),
      after: after && days.begins(after, zone),
      before: before && days.begins(days.next(before), zone),
    };
    return new URLSearchParams(Object.entries(given).filter(([, value]) => value));
  }

  async search() {
    try {
      const { recordings, more } = await api("GET", `recordings?${this.#query}`);
      const focused = document.activeElement?.dataset.recording;
      at("#found").replaceChildren(...recordings.map((row) => this.#row(row)));
      at("#more-found").hidden = !more;
      at("#status").textContent = phrase("found", { number: recordings.length });
      if (focused) this.#button(focused)?.focus();
    } catch (error) {
      this.#complain(error);
    }
  }

  /** Close what is open; the focus goes back to where it was opened. */
  stop() {
    const open = this.#player.id;
    this.#player.close();
    this.#choose(null);
    if (open && !at("#archive").hidden) this.#button(open)?.focus();
  }

  /** Do what a key stands for, if it may be done; whether it stands for anything. */
  press(key, repeated) {
    if (key === "/") at("#find-person").focus();
    else if (key === "Escape") this.stop();
    else if (/^Arrow(Up|Down)$/.test(key) && !at("#found").contains(document.activeElement)) at("#found button")?.focus();
    else if (this.#player.id && !repeated && /^[a-z]$/i.test(key)) this.#player.press(key.toLowerCase());
    else return false;
    return true;
  }

  #when(moment, facility) {
    const timeZone = this.#zones[facility];
    return new Intl.DateTimeFormat(language, { ...SHOWN, ...(timeZone ? { timeZone } : {}) }).format(new Date(moment));
  }

  #button(id) {
    return at(`#found button[data-recording="${id}"]`);
  }

  #choose(id) {
    for (const each of at("#found").querySelectorAll("button")) each.setAttribute("aria-current", String(each.dataset.recording === id));
  }

  #row(row) {
    const line = document.createElement("li");
    const made = document.createElement("button");
    Object.assign(made, { type: "button", className: "plain-button" });
    made.dataset.recording = row.id;
    made.setAttribute("aria-current", String(row.id === this.#player.id));
    const people = [row.resident, row.visitor].filter(Boolean).join(" – ");
    const facts = [this.#when(row.begun, row.facility), row.station, people, phrase(row.class), stateOf(row)];
    made.textContent = [...facts, row.held ? phrase("held") : ""].filter(Boolean).join(" · ");
    made.addEventListener("click", () => {
      this.#choose(row.id);
      this.#player.open(row.id);
    });
    line.append(made);
    return line;
  }

  #move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const buttons = [...at("#found").querySelectorAll("button")];
    const here = buttons.indexOf(document.activeElement);
    if (here < 0 || !step) return;
    event.preventDefault();
    buttons[Math.max(0, Math.min(buttons.length - 1, here + step))].focus();
  }
}
