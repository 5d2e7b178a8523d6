// The call that is open: its pictures and sound, what may be done to it, and its timeline.

import { Ears, Mouth } from "./officer_media.js";
import { phrase } from "./officer_words.js";
import { marks } from "./officer_wall.js";
import { call as api } from "./staff_api.js";

const at = (selector) => document.querySelector(selector);
const HIDDEN = ["quality", "decided", "report"];

export class Card {
  #ask;
  #complain;
  #when;
  #ears = null;
  #mouth = null;
  #refresh = 0;
  #call = null;
  roles = [];

  /** `ask` opens the dialog for a reason, `complain` shows trouble, `when` formats a moment of a facility. */
  constructor({ ask, complain, when }) {
    this.#ask = ask;
    this.#complain = complain;
    this.#when = when;
  }

  get call() {
    return this.#call;
  }

  get mayAct() {
    return this.roles.some((role) => ["officer", "administrator"].includes(role));
  }

  /** Open a call: listen to it if that can be. */
  async open(call) {
    this.close();
    this.#call = call;
    at("#card").hidden = false;
    this.show(call);
    const closed = this.#closed(call);
    at("#closed").textContent = closed;
    at("#closed").hidden = !closed;
    at("#pictures").hidden = Boolean(closed);
    if (closed) return;
    const ears = new Ears([at("#inside"), at("#visitor")], () => this.#complain(phrase("connection_lost")));
    this.#ears = ears;
    try {
      await ears.open(call.id);
    } catch (error) {
      ears.close();
      if (this.#ears === ears) {
        this.#ears = null;
        at("#closed").textContent = error.message;
        at("#closed").hidden = false;
      }
    }
  }

  /** Show how the call stands now. */
  show(call) {
    this.#call = call;
    at("#card-title").textContent = `${call.facility}/${call.station} ${call.unit}`;
    const people = [call.resident, call.visitors.join(", ")].filter(Boolean).join(" – ");
    const until = phrase("until", { time: this.#when(call.ends, call.facility) });
    at("#card-facts").textContent = [people, call.state, phrase(call.class), until].join(" · ");
    const recorded = call.recorded === "yes" ? [phrase("recorded")] : [];
    at("#card-notes").textContent = [...recorded, ...marks(call)].join(" · ");
    this.#drawActs(call);
    clearTimeout(this.#refresh);
    this.#refresh = setTimeout(() => this.#drawTimeline(call), 300);
  }

  close() {
    clearTimeout(this.#refresh);
    this.#mouth?.close();
    this.#ears?.close();
    this.#mouth = this.#ears = this.#call = null;
    at("#card").hidden = true;
    at("#timeline").replaceChildren();
  }

  /** Do what a key stands for, if it may be done. */
  press(key) {
    at(`#acts button[data-key="${key}"]`)?.click();
  }

  #closed(call) {
    if (call.class !== "ordinary") return phrase(call.class === "privileged" ? "confidential" : "unknown");
    if (!call.opens) return phrase("not_announced");
    return this.roles.includes("officer") ? "" : phrase("no_listener");
  }

  #drawActs(call) {
    const held = (what) => call.withheld.includes(what);
    const paused = call.holds.includes("officer");
    const open = call.class === "ordinary" && this.mayAct;
    const talking = open && call.state === "active";
    const acts = [];
    if (talking) acts.push(["t", phrase("warn"), () => this.#warn(call)]);
    if (talking && this.#mouth === null && call.speaker === null) {
      acts.push(["b", phrase("barge"), () => this.#speak(call, "both")]);
      acts.push(["w", phrase("whisper"), () => this.#speak(call, "inside")]);
    }
    if (this.#mouth !== null) acts.push(["b", phrase("hush"), () => this.#hush()]);
    if (open) {
      for (const [key, party] of [["m", "visitor"], ["n", "inside"]]) {
        const on = !held(`${party} audio`);
        acts.push([key, phrase(on ? "mute" : "unmute", { party: phrase(party) }), () => this.#withhold(call, party, "audio", on)]);
      }
      for (const [key, party] of call.video ? [["v", "visitor"], ["c", "inside"]] : []) {
        const on = !held(`${party} video`);
        acts.push([key, phrase(on ? "blind" : "unblind", { party: phrase(party) }), () => this.#withhold(call, party, "video", on)]);
      }
      acts.push(["p", phrase(paused ? "resume" : "pause"), () => this.#pause(call, paused)]);
    }
    if (this.mayAct) acts.push(["o", phrase("note"), () => this.#note(call)]);
    if (this.mayAct) acts.push(["x", phrase("end"), () => this.#end(call), "alarming"]);
    const drawn = JSON.stringify(acts.map(([key, label]) => [key, label]));
    const box = at("#acts");
    if (box.dataset.drawn === drawn) return;
    box.dataset.drawn = drawn;
    const focused = box.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    box.replaceChildren(
      ...acts.map(([key, label, press, kind = ""]) => {
        const made = document.createElement("button");
        Object.assign(made, { type: "button", className: `plain-button ${kind}`, textContent: `${label} (${key.toUpperCase()})` });
        made.dataset.key = key;
        made.addEventListener("click", press);
        return made;
      }),
    );
    if (focused) box.querySelector(`[data-key="${focused}"]`)?.focus();
  }

  async #drawTimeline(call) {
    const { timeline } = await api("GET", `calls/${encodeURIComponent(call.id)}`).catch(() => ({ timeline: [] }));
    if (this.#call?.id !== call.id) return;
    at("#timeline").replaceChildren(
      ...timeline.filter((event) => !HIDDEN.includes(event.kind)).reverse().map((event) => {
        const line = document.createElement("li");
        const facts = ["by", "why", "state", "reason", "party", "kind", "text", "prompt"].map((name) => event.data[name]);
        const told = facts.filter((each) => typeof each === "string" && each).join(", ");
        line.textContent = `${this.#when(event.wall, call.facility)} ${event.kind.replaceAll("_", " ")}${told ? `: ${told}` : ""}`;
        return line;
      }),
    );
  }

  #path(call, what) {
    return `calls/${encodeURIComponent(call.id)}/${what}`;
  }

  #withhold(call, party, kind, on) {
    const label = phrase(kind === "audio" ? (on ? "mute" : "unmute") : on ? "blind" : "unblind", { party: phrase(party) });
    this.#ask({ title: label, label, needed: false }, (reason) => api("POST", this.#path(call, "withheld"), { party, kind, on, reason }));
  }

  #pause(call, paused) {
    const label = phrase(paused ? "resume" : "pause");
    this.#ask({ title: label, label, needed: false }, (reason) => api("POST", this.#path(call, paused ? "resume" : "pause"), { reason }));
  }

  #end(call) {
    const label = phrase("end");
    this.#ask({ title: `${label}: ${call.station}`, label, needed: true }, (reason) => api("DELETE", `calls/${encodeURIComponent(call.id)}`, { reason }));
  }

  #warn(call) {
    const label = phrase("warn");
    this.#ask({ title: label, label, needed: false, warning: true }, (text, prompt) => {
      const body = { ...(prompt ? { prompt } : {}), ...(text ? { text } : {}) };
      return api("POST", this.#path(call, "warning"), body);
    });
  }

  #note(call) {
    const label = phrase("note");
    this.#ask({ title: label, label, needed: true, asked: phrase("text") }, (text) =>
      api("POST", `plugins/${encodeURIComponent(call.facility)}/monitoring/notes`, { call: call.id, text }),
    );
  }

  #speak(call, to) {
    const label = phrase(to === "both" ? "barge" : "whisper");
    this.#ask({ title: label, label, needed: true }, async (reason) => {
      const mouth = new Mouth(() => this.#hush());
      this.#mouth = mouth;
      try {
        await mouth.open(call.id, to, reason);
      } catch (error) {
        this.#hush();
        if (error instanceof DOMException) throw new Error(phrase("no_microphone"));
        throw error;
      }
      if (this.#call) this.#drawActs(this.#call);
    });
  }

  #hush() {
    this.#mouth?.close();
    this.#mouth = null;
    if (this.#call) this.#drawActs(this.#call);
  }
}
