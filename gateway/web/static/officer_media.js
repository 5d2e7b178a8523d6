// An officer's connections to a call: one to listen and watch, one for thumbnails, one to speak.

import { call } from "./staff_api.js";

const PARTIES = ["inside", "visitor"];

/** Wait until the browser has told its addresses, or for a moment. */
async function offered(connection) {
  await connection.setLocalDescription();
  return connection.localDescription.sdp;
}

class Line {
  #path = null;
  #over = false;
  connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });

  /** `lost` is called when it fails by itself. */
  constructor(lost) {
    this.connection.onconnectionstatechange = () => {
      if (this.connection.connectionState === "failed") lost();
    };
  }

  /** Ask the gateway to answer the offer; what it said. */
  async connect(path, body) {
    const sdp = await offered(this.connection);
    const said = await call("POST", path, { ...body, sdp });
    this.#path = `${path}/${(said.listener ?? said.speaker).id}`;
    if (this.#over) {
      this.#leave();
      return null;
    }
    await this.connection.setRemoteDescription({ type: "answer", sdp: said.sdp });
    return said;
  }

  close() {
    this.#over = true;
    this.connection.close();
    this.#leave();
  }

  #leave() {
    const path = this.#path;
    this.#path = null;
    if (path) call("DELETE", path).catch(() => {});
  }
}

/** Listen to a call and see it. `screens` are the two video elements, the inside's first. */
export class Ears {
  #line;
  #screens;

  constructor(screens, lost) {
    this.#line = new Line(lost);
    this.#screens = screens;
  }

  async open(id) {
    const connection = this.#line.connection;
    for (const kind of ["audio", "video", "audio", "video"]) connection.addTransceiver(kind, { direction: "recvonly" });
    const tracks = connection.getTransceivers().map((each) => each.receiver.track);
    this.#screens.forEach((screen, index) => {
      screen.srcObject = new MediaStream(tracks.slice(2 * index, 2 * index + 2));
      screen.play().catch(() => {});
    });
    return this.#line.connect(`calls/${encodeURIComponent(id)}/listeners`, {});
  }

  close() {
    this.#line.close();
    for (const screen of this.#screens) screen.srcObject = null;
  }
}

/** See a call's thumbnails: a picture of each party every few seconds, and no sound. */
export class Eyes {
  #line = new Line(() => {});
  screens = PARTIES.map((name) => {
    const screen = document.createElement("video");
    Object.assign(screen, { muted: true, playsInline: true, autoplay: true, disablePictureInPicture: true });
    screen.setAttribute("aria-hidden", "true");
    screen.dataset.party = name;
    return screen;
  });

  async open(id) {
    const connection = this.#line.connection;
    for (const screen of this.screens) {
      const { receiver } = connection.addTransceiver("video", { direction: "recvonly" });
      screen.srcObject = new MediaStream([receiver.track]);
    }
    connection.addTransceiver("audio", { direction: "inactive" });
    return this.#line.connect(`calls/${encodeURIComponent(id)}/listeners`, { thumbnails: true });
  }

  close() {
    this.#line.close();
  }
}

/** Speak to a call by the microphone. */
export class Mouth {
  #line;
  #stream = null;

  constructor(lost) {
    this.#line = new Line(lost);
  }

  /** Throws a DOMException where there is no microphone to be had. */
  async open(id, to, reason) {
    this.#stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true }, video: false });
    const [track] = this.#stream.getAudioTracks();
    this.#line.connection.addTransceiver(track, { direction: "sendonly", streams: [this.#stream] });
    return this.#line.connect(`calls/${encodeURIComponent(id)}/speakers`, { to, reason });
  }

  close() {
    this.#line.close();
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
  }
}
