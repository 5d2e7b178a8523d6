// What is on the screen: one section at a time, named by the state that the visit is in.

import * as clock from "./clock.js";
import { words } from "./strings.js";

const SCREENS = {
  loading: "loading",
  check: "check",
  waiting: "wait",
  called: "called",
  ringing: "wait",
  connecting: "wait",
  notice: "call",
  talking: "call",
  held: "call",
  ended: "ended",
  blocked: "blocked",
};
const ACTIONS = { check: "#check .actions", wait: "#go-back", called: "#called .actions", ended: "#again" };
const TOAST = 8_000;
const SHORT = 60;

export const find = (id) => document.getElementById(id);

/** Put text into an element and show it; no text hides it. */
export function say(id, text) {
  const element = find(id);
  if (element.textContent !== text) element.textContent = text;
  element.hidden = !text;
}

/** Move to a state, with its section; the focus goes to the new section's heading. */
export function show(state) {
  const screen = SCREENS[state];
  document.body.dataset.state = state;
  if (document.body.dataset.screen === screen) return;
  document.body.dataset.screen = screen;
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== screen;
  bring(screen);
  find(screen).querySelector("h1").focus({ preventScroll: true });
  scrollTo(0, 0);
}

/** What several screens share is moved to the one that shows, before its buttons. */
function bring(screen) {
  for (const shared of document.querySelectorAll("[data-screens]")) {
    if (shared.dataset.screens.split(" ").includes(screen)) document.querySelector(ACTIONS[screen]).before(shared);
  }
}

/** Tell those who listen to the page instead of looking at it. */
export function announce(text) {
  find("status").textContent = text;
}

let fading = 0;

/** Show something for a few seconds; nothing takes it away. */
export function warn(text) {
  say("warn", text);
  clearTimeout(fading);
  if (text) fading = setTimeout(() => say("warn", ""), TOAST);
}

/** Show a stream in a video element, or nothing. */
export function attach(id, stream) {
  const video = find(id);
  if (video.srcObject !== stream) video.srcObject = stream;
}

/** The waiting room's words for waiting, ringing or connecting. `early` is whether the visit's time is to come. */
export function describeWait(state, { early, text }) {
  const heading = state === "waiting" && early ? "waiting_start" : state;
  const key = state === "waiting" ? (early ? "waiting_text" : "waiting_dial") : `${state}_text`;
  find("wait-title").textContent = words(heading);
  find("wait-text").textContent = text || words(key);
  find("go-back").textContent = words(state === "waiting" ? "leave_room" : "stop_ringing");
  announce(`${words(heading)} ${find("wait-text").textContent}`);
}

/** Who calls, and what both will be told; `mayBlock`: whether the visitor can be spared such calls. */
export function describeCaller({ text, terms, may_block: mayBlock }) {
  say("called-by", text);
  say("called-terms", terms);
  find("called-consent").hidden = !terms;
  find("block").hidden = !mayBlock;
  announce(`${words("called")}. ${text} ${terms}`);
}

/** Count down to the start in the waiting room. */
export function countDown(start) {
  const seconds = start ? clock.until(start) : 0;
  say("countdown", seconds > 0 ? clock.duration(seconds) : "");
}

/** How much of the visit is left: to its end, or for so many seconds. */
export function timeLeft(ends, lasts = Infinity) {
  const seconds = ends ? Math.min(clock.until(ends), lasts) : 0;
  say("left", ends ? words("left", { time: clock.duration(seconds) }) : "");
  find("left").classList.toggle("short", seconds <= SHORT);
}

/** How the line is: good, fair, poor, or not known. */
export function quality(level) {
  find("quality").hidden = !level;
  find("quality").dataset.quality = level;
  find("quality-text").textContent = level ? words(level) : "";
}

/** Say that the visit has no picture, and why; nothing when it has one. */
export function soundOnly(why) {
  find("voice").hidden = !why;
  say("voice-why", why);
}
