// Mute and camera, by button and by key, remembered over a reload.

import { words } from "./strings.js";
import { announce, find } from "./view.js";

const SWITCHES = {
  audio: { button: "mute", key: "m", on: "mute", off: "unmute", said: ["muted", "unmuted"] },
  video: { button: "camera", key: "v", on: "camera_turn_off", off: "camera_turn_on", said: ["camera_is_off", "camera_is_on"] },
};

const isOff = (kind) => sessionStorage.getItem(`off:${kind}`) === "yes";

let stream = null;

/** Act on this stream from now on. */
export function control(newStream) {
  stream = newStream;
  for (const kind of Object.keys(SWITCHES)) draw(kind);
}

/** Begin to listen to buttons and keys. */
export function begin() {
  for (const [kind, { button }] of Object.entries(SWITCHES)) {
    find(button).addEventListener("click", () => toggle(kind));
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (document.body.dataset.screen !== "call" || event.target.closest("input, select, textarea")) return;
    const kind = Object.keys(SWITCHES).find((one) => SWITCHES[one].key === event.key.toLowerCase());
    if (kind && !find(SWITCHES[kind].button).disabled) toggle(kind);
  });
}

function tracks(kind) {
  return stream?.getTracks().filter((track) => track.kind === kind) ?? [];
}

function toggle(kind) {
  sessionStorage.setItem(`off:${kind}`, isOff(kind) ? "no" : "yes");
  draw(kind);
  announce(words(SWITCHES[kind].said[isOff(kind) ? 0 : 1]));
}

function draw(kind) {
  const { button, key, on, off: offKey } = SWITCHES[kind];
  const off = isOff(kind);
  const element = find(button);
  for (const track of tracks(kind)) track.enabled = !off;
  element.disabled = tracks(kind).length === 0;
  element.setAttribute("aria-pressed", String(off));
  element.querySelector("span").textContent = words(off ? offKey : on);
  element.title = `${words(off ? offKey : on)} (${key})`;
  if (kind === "video") find("self").classList.toggle("dim", off);
}
