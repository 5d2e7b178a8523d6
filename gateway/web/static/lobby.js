// The device check: what others will see and hear, which devices are used, and what to do if one is missing.

import * as devices from "./devices.js";
import { Meter } from "./meter.js";
import { words } from "./strings.js";
import { attach, find, say } from "./view.js";

const LISTS = { videoinput: "cameras", audioinput: "microphones", audiooutput: "speakers" };
const NAMES = { videoinput: "camera", audioinput: "microphone", audiooutput: "speaker" };

export class Lobby extends EventTarget {
  #meter = new Meter(find("level"));
  stream = null;

  /** Event: "stream", when `stream` was opened anew. */
  constructor() {
    super();
    for (const [kind, id] of Object.entries(LISTS)) {
      find(id).addEventListener("change", ({ target }) => this.#choose(kind, target.value));
    }
    find("retry").addEventListener("click", () => this.open());
    navigator.mediaDevices.addEventListener("devicechange", () => this.#list());
  }

  /** Open the devices and show them; answers whether the visitor can join. */
  async open() {
    this.#release();
    say("preview-why", words("camera_starting"));
    find("preview-off").hidden = false;
    const { stream, camera, microphone } = await devices.open();
    this.stream = stream;
    for (const track of stream?.getTracks() ?? []) {
      track.addEventListener("ended", () => this.dispatchEvent(new Event("gone")));
    }
    this.#meter.watch(stream);
    for (const id of ["preview", "wait-self", "self"]) attach(id, stream);
    const pictured = Boolean(stream?.getVideoTracks().length);
    for (const id of ["wait-self", "self"]) find(id).hidden = !pictured;
    find("preview-off").hidden = pictured;
    say("preview-why", camera && !microphone ? words(camera) : "");
    say("trouble", microphone ? words(microphone) : "");
    // Without permission the browser names no devices.
    find("devices").hidden = microphone === "microphone_denied";
    find("join").disabled = stream === null;
    find("retry").hidden = !microphone && (!camera || camera === "camera_off");
    await this.#list();
    await this.#useSpeaker();
    this.dispatchEvent(new Event("stream"));
    return stream !== null;
  }

  /** Let go of camera and microphone, so that their lights go out. */
  close() {
    this.#meter.watch(null);
    this.#release();
  }

  /** Draw no more levels: the check is over. */
  rest() {
    this.#meter.watch(null);
  }

  #release() {
    devices.stop(this.stream);
    this.stream = null;
  }

  async #choose(kind, id) {
    devices.remember(kind, id);
    if (kind === "audiooutput") await this.#useSpeaker();
    else await this.open();
  }

  async #useSpeaker() {
    const id = find("speakers").value;
    if (id && "setSinkId" in HTMLMediaElement.prototype) await find("remote").setSinkId(id).catch(() => {});
  }

  async #list() {
    const found = await devices.list();
    for (const [kind, id] of Object.entries(LISTS)) {
      const used = this.stream?.getTracks().find((track) => `${track.kind}input` === kind)?.getSettings().deviceId;
      const select = find(id);
      const before = select.value;
      const named = (found[kind] ?? []).filter((device) => device.deviceId);
      select.replaceChildren(...named.map((device, index) => option(device, NAMES[kind], index + 1)));
      if (kind === "videoinput") select.append(new Option(words("no_camera_choice"), "none"));
      select.value = used ?? (kind === "videoinput" ? "none" : before || named[0]?.deviceId || "");
    }
    find("speaker-row").hidden = !("setSinkId" in HTMLMediaElement.prototype) || find("speakers").length < 2;
  }
}

function option(device, name, number) {
  return new Option(device.label || words("device", { kind: words(name), number }), device.deviceId);
}
