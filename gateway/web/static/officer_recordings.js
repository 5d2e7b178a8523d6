// Recordings: search, and a player with bookmarks. Nothing is played without a reason, which is in the audit chain.

import { phrase } from "./officer_words.js";
import { call as api } from "./staff_api.js";

const at = (selector) => document.querySelector(selector);
const AGAIN = 700;

export class Recordings {
  #ask;
  #when;
  #complain;
  #playing = null;

  constructor({ ask, when, complain }) {
    this.#ask = ask;
    this.#when = when;
    this.#complain = complain;
    at("#find").addEventListener("submit", (event) => {
      event.preventDefault();
      this.search();
    });
    at("#mark").addEventListener("click", () => this.#mark(Math.round(at("#playback").currentTime * 1000)));
    at("#note").addEventListener("click", () => this.#mark(null));
  }

  async search() {
    const query = new URLSearchParams();
    const fields = { station: at("#find-station").value.trim(), text: at("#find-text").value.trim() };
    for (const [name, value] of Object.entries(fields)) if (value) query.set(name, value);
    if (at("#find-after").value) query.set("after", new Date(`${at("#find-after").value}T00:00`).toISOString());
    if (at("#find-before").value) query.set("before", new Date(`${at("#find-before").value}T23:59:59`).toISOString());
    try {
      const { recordings } = await api("GET", `recordings?${query}`);
      at("#found").replaceChildren(...recordings.map((row) => this.#row(row)));
    } catch (error) {
      this.#complain(error);
    }
  }

  stop() {
    this.#playing = null;
    at("#playback").removeAttribute("src");
    at("#playback").load();
    at("#player").hidden = true;
  }

  #row(row) {
    const line = document.createElement("li");
    const facts = document.createElement("div");
    const play = document.createElement("button");
    facts.textContent = `${row.station} · ${row.visitor} · ${this.#when(row.begun, row.facility)} · ${row.state}`;
    Object.assign(play, { type: "button", className: "plain-button", textContent: phrase("play"), disabled: Boolean(row.erased) });
    play.addEventListener("click", () => this.#play(row));
    line.append(facts, play);
    return line;
  }

  #play(row) {
    this.#ask({ title: `${phrase("play")}: ${row.station}`, label: phrase("play"), needed: true }, async (reason) => {
      this.stop();
      this.#playing = row.id;
      const path = `recordings/${encodeURIComponent(row.id)}/playback`;
      await api("POST", path, { reason });
      at("#player-title").textContent = `${row.station} · ${row.visitor}`;
      at("#player").hidden = false;
      at("#making").hidden = false;
      at("#playback").hidden = true;
      this.#wait(row, path);
    });
  }

  async #wait(row, path) {
    if (this.#playing !== row.id) return;
    try {
      const made = await api("GET", path);
      at("#making").value = made.progress;
      if (made.error) throw new Error(phrase("failed", { why: made.error }));
      if (!made.done) {
        setTimeout(() => this.#wait(row, path), AGAIN);
        return;
      }
      at("#making").hidden = true;
      at("#playback").hidden = false;
      at("#playback").src = new URL(made.file.replace(/^\//, ""), document.baseURI);
      at("#playback").play().catch(() => {});
      await this.#drawMarks();
    } catch (error) {
      this.#complain(error);
    }
  }

  #mark(moment) {
    const id = this.#playing;
    if (!id) return;
    const label = phrase(moment === null ? "note" : "bookmark");
    this.#ask({ title: label, label, needed: true, asked: phrase("text") }, async (text) => {
      await api("POST", `recordings/${encodeURIComponent(id)}/marks`, { text, ...(moment === null ? {} : { at: moment }) });
      await this.#drawMarks();
    });
  }

  async #drawMarks() {
    const { marks } = await api("GET", `recordings/${encodeURIComponent(this.#playing)}`);
    at("#marks").replaceChildren(
      ...marks.map((mark) => {
        const line = document.createElement("li");
        const made = document.createElement(mark.at === null ? "span" : "button");
        made.textContent = mark.at === null ? mark.text : `${(mark.at / 1000).toFixed(1)} s: ${mark.text}`;
        if (mark.at !== null) {
          Object.assign(made, { type: "button", className: "plain-button" });
          made.addEventListener("click", () => (at("#playback").currentTime = mark.at / 1000));
        }
        line.append(made);
        return line;
      }),
    );
  }
}
