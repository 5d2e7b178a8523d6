// The visitor's page: takes what the gateway says, and joins, rejoins and leaves.

import { stayAwake } from "./awake.js";
import * as clock from "./clock.js";
import * as controls from "./controls.js";
import { obstacle } from "./devices.js";
import { ending, heading } from "./endings.js";
import { Lobby } from "./lobby.js";
import { Peer } from "./peer.js";
import * as price from "./price.js";
import * as receipt from "./receipt.js";
import { ring } from "./ring.js";
import { Socket } from "./socket.js";
import { translate, words } from "./strings.js";
import * as view from "./view.js";

const SLOW = 6_000;
const VERDICT = 3_000;
const GOODBYE = 2_000;
const LINGER = 20_000;
const PATIENCE = 900_000;
const AGAIN = 3_000;

const { find } = view;
const token = location.pathname.split("/").filter(Boolean).at(-1) ?? "";

class Visit {
  #socket;
  #lobby;
  #peer = null;
  #welcome = null;
  #status = null;
  #verdict = 0;
  #retry = 0;
  #due = false;
  #told = null;
  #finish = 0;

  constructor() {
    const address = new URL("../api/v1/ws", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.searchParams.set("visit", token);
    this.#socket = new Socket(address);
    this.#socket.addEventListener("message", ({ detail }) => this.#take(detail));
    this.#socket.addEventListener("up", () => { find("line").hidden = true; });
    this.#socket.addEventListener("down", () => { find("line").hidden = this.#welcome === null; });
    this.#lobby = new Lobby();
    this.#lobby.addEventListener("stream", () => this.#streamChanged());
    this.#lobby.addEventListener("gone", () => view.warn(words("device_gone")));
  }

  get #joined() {
    return sessionStorage.getItem("joined") === token;
  }

  set #joined(yes) {
    if (yes) sessionStorage.setItem("joined", token);
    else sessionStorage.removeItem("joined");
  }

  begin() {
    controls.begin();
    receipt.begin(token);
    find("join").addEventListener("click", () => this.#join());
    find("go-back").addEventListener("click", () => this.#leave());
    find("hang-up").addEventListener("click", () => this.#leave());
    for (const answer of ["accept", "decline", "block"]) {
      find(answer).addEventListener("click", () => this.#decide(answer));
    }
    find("hear").addEventListener("click", () => this.#play());
    addEventListener("online", () => this.#peer?.answered && this.#restart());
    setInterval(() => this.#tick(), 250);
    setTimeout(() => { find("loading-help").hidden = false; }, SLOW);
    this.#socket.open();
  }

  #take(message) {
    const take = {
      welcome: () => this.#enter(message),
      price: () => this.#price(message),
      meter: () => price.count(message),
      cost: () => this.#cost(message),
      status: () => this.#move(message),
      answer: () => this.#answer(message),
      notice: () => view.say("notice-text", message.text),
      warn: () => view.warn(message.text),
      failed: () => view.warn(message.text),
      hint: () => view.quality(message.quality),
      ended: () => this.#end(message),
    }[message.type];
    take?.();
  }

  async #enter(welcome) {
    const first = this.#welcome === null;
    this.#welcome = welcome;
    this.#told = null;
    this.#peer?.renew(welcome);
    clock.set(welcome.now);
    document.title = words("title", { facility: welcome.facility });
    view.say("facility", welcome.facility);
    find("check-title").textContent = words("hello", { visitor: welcome.visitor });
    find("when").textContent = welcome.station ? clock.when(welcome.start, welcome.end) : words("standing");
    if (!this.#joined) {
      if (first) await this.#check();
    } else if (this.#peer === null) {
      await this.#join();
    } else if (!this.#peer.answered) {
      this.#socket.send({ type: "join", sdp: await this.#peer.offer() });
    } else {
      this.#comeBack();
    }
  }

  #price(message) {
    price.show(message);
    this.#due = message.state === "agreed";
    if (this.#due) receipt.clear();
  }

  /** In a call, what is told is the cost of those before it. */
  #cost(message) {
    this.#told = message;
    receipt.learn(message);
    if (this.#due) return;
    receipt.show(message);
    if (this.#finish) this.#letGo(message.settling ? PATIENCE : 0);
  }

  async #check() {
    view.show("check");
    await this.#lobby.open();
  }

  async #join() {
    this.#joined = true;
    if (this.#lobby.stream === null) {
      view.show("loading");
      if (!(await this.#lobby.open())) {
        this.#joined = false;
        view.show("check");
        return;
      }
    }
    this.#lobby.rest();
    stayAwake(true);
    if (this.#status === null) this.#move({ state: "waiting", text: "", why: "", ends: null });
    await this.#call();
  }

  async #call() {
    this.#peer?.close();
    const peer = new Peer(this.#lobby.stream, this.#welcome);
    this.#peer = peer;
    peer.addEventListener("media", () => this.#play());
    peer.addEventListener("lost", () => this.#restart());
    peer.addEventListener("found", () => { find("line").hidden = this.#socket.up; });
    this.#socket.send({ type: "join", sdp: await peer.offer() });
  }

  /** The line to the gateway is back in mid-call: it says where the call stands, or there is no call any more. */
  #comeBack() {
    if (!this.#peer.working) this.#restart();
    clearTimeout(this.#verdict);
    this.#verdict = setTimeout(() => this.#end({ reason: "Lost", text: "", again: true }), VERDICT);
  }

  async #restart() {
    clearTimeout(this.#retry);
    const peer = this.#peer;
    if (!peer) return;
    find("line").hidden = false;
    const sdp = await peer.restart();
    if (sdp) this.#socket.send({ type: "restart", sdp });
    this.#retry = setTimeout(() => peer === this.#peer && !peer.working && this.#restart(), AGAIN);
  }

  #move(status) {
    clearTimeout(this.#verdict);
    if (!this.#joined) return;
    this.#status = status;
    const { state } = status;
    view.show(state);
    ring(state === "called");
    if (state === "called") {
      view.describeCaller(status);
    } else if (["waiting", "ringing", "connecting"].includes(state)) {
      view.describeWait(state, { early: clock.until(this.#welcome.start) > 0, text: status.text });
    } else {
      this.#inCall(status);
    }
    this.#tick();
  }

  #decide(answer) {
    if (answer === "block" && !confirm(words("block_sure"))) return;
    ring(false);
    this.#socket.send({ type: answer });
  }

  #inCall({ state, why, text }) {
    find("notice").hidden = state !== "notice";
    if (state === "notice" && text) view.say("notice-text", text);
    const held = ["phone", "browser"].includes(why) ? words(`held_${why}`) : text || words("held");
    view.say("held", state === "held" ? held : "");
    view.announce(state === "held" ? held : words(state));
  }

  async #answer(answer) {
    clearTimeout(this.#verdict);
    const peer = this.#peer;
    if (!peer) return;
    try {
      await peer.take(answer);
    } catch (error) {
      // A connection that cannot take the answer is of no use: a new one can.
      console.error(error);
      if (peer === this.#peer && peer.answered) await this.#call();
      return;
    }
    view.soundOnly(answer.video ? "" : answer.why_no_video || words("no_video"));
    find("self").hidden = !answer.video || !this.#lobby.stream?.getVideoTracks().length;
  }

  #streamChanged() {
    controls.control(this.#lobby.stream);
  }

  async #play() {
    view.attach("remote", this.#peer?.remote ?? null);
    try {
      await find("remote").play();
      find("hear").hidden = true;
    } catch (error) {
      if (error.name === "NotAllowedError") find("hear").hidden = false;
    }
  }

  #leave() {
    const told = this.#socket.send({ type: "leave" });
    if (this.#status?.state === "waiting") {
      this.#hangUp();
      this.#check();
      return;
    }
    clearTimeout(this.#verdict);
    const over = () => this.#end({ reason: "VisitorLeft", text: "", again: true });
    this.#verdict = setTimeout(over, told ? GOODBYE : 0);
  }

  #hangUp() {
    clearTimeout(this.#verdict);
    clearTimeout(this.#retry);
    this.#joined = false;
    this.#peer?.close();
    this.#peer = null;
    this.#status = null;
    stayAwake(false);
    ring(false);
    view.attach("remote", null);
    view.quality("");
    view.timeLeft(null);
    view.say("notice-text", "");
    view.warn("");
    find("line").hidden = true;
  }

  #end({ reason, text, again }) {
    if (reason === "VisitOver" && document.body.dataset.state === "ended") {
      // What ended the call is said already, and what it cost.
      find("again").hidden = true;
      this.#socket.finish();
      return;
    }
    this.#hangUp();
    this.#lobby.close();
    const moved = reason === "Replaced";
    if (this.#due && reason === "Lost" && this.#told) receipt.show(this.#told);
    else if (this.#due) receipt.expect();
    if (!again && this.#due && !moved) this.#letGo(LINGER);
    else if (!again) this.#socket.finish();
    this.#due = false;
    price.show(null);
    find("ended-title").textContent = words(heading(reason));
    find("ended-text").textContent = ending(reason, text);
    find("again").hidden = !again && !moved;
    find("again").textContent = words(moved ? "use_here" : "call_again");
    find("again").onclick = () => (moved ? location.reload() : this.#join());
    find("ended-close").hidden = again;
    view.show("ended");
    view.announce(`${find("ended-title").textContent}. ${find("ended-text").textContent}`);
  }

  /** There is nothing more to be told after this time. */
  #letGo(time) {
    clearTimeout(this.#finish);
    this.#finish = setTimeout(() => this.#socket.finish(), time);
  }

  #tick() {
    const { start } = this.#welcome ?? {};
    const state = document.body.dataset.state;
    const inCall = ["notice", "talking", "held"].includes(state);
    view.countDown(state === "waiting" ? start : null);
    view.timeLeft(inCall ? this.#status?.ends : null, price.lasts());
    const early = this.#welcome !== null && clock.until(start) > 0;
    find("join").textContent = words(early ? "join" : "join_now");
  }
}

translate();
const why = obstacle();
if (why) {
  view.show("blocked");
  view.say("blocked-text", words(why));
} else {
  view.show("loading");
  new Visit().begin();
}
