// One WebRTC connection to the gateway. The page always offers; the gateway answers when the phone has answered.

const FLICKER = 2_000;
const ANSWER = 8_000;

export class Peer extends EventTarget {
  #connection;
  #limits = {};
  #flicker = 0;
  #waiting = 0;
  remote = new MediaStream();
  answered = false;

  /** Events: "media" (the remote stream changed), "lost" (it needs a restart), "found" (it works, perhaps again). */
  constructor(stream, welcome) {
    super();
    this.#connection = new RTCPeerConnection(configuration(welcome));
    for (const kind of ["audio", "video"]) {
      const track = stream.getTracks().find((one) => one.kind === kind);
      const settings = { direction: track ? "sendrecv" : "recvonly", streams: track ? [stream] : [] };
      this.#connection.addTransceiver(track ?? kind, settings);
    }
    this.#connection.ontrack = ({ track }) => {
      this.remote.addTrack(track);
      this.dispatchEvent(new Event("media"));
    };
    this.#connection.oniceconnectionstatechange = () => this.#moved();
  }

  get working() {
    return ["connected", "completed"].includes(this.#connection.iceConnectionState);
  }

  /** Use these TURN servers from the next restart on: the credentials of the last ones expire. */
  renew(welcome) {
    this.#connection.setConfiguration(configuration(welcome));
  }

  /** The SDP of the offer, new or as it was sent before. */
  async offer() {
    if (this.#connection.signalingState === "stable") await this.#connection.setLocalDescription();
    return this.#connection.localDescription.sdp;
  }

  /** An offer with new ICE credentials for the same connection; null while an earlier one awaits its answer. */
  async restart() {
    if (!this.answered || this.#connection.signalingState !== "stable") return null;
    await this.#connection.setLocalDescription(await this.#connection.createOffer({ iceRestart: true }));
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => this.#unanswered(), ANSWER);
    return this.#connection.localDescription.sdp;
  }

  /** Take the gateway's answer and what the phone can take of us. */
  async take(answer) {
    clearTimeout(this.#waiting);
    if (this.#connection.signalingState !== "have-local-offer") return;
    await this.#connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    this.answered = true;
    this.#limits = answer;
    await this.#limit();
  }

  /** Send another camera or microphone from now on. */
  async replace(track) {
    const sender = this.#sender(track.kind);
    await sender?.replaceTrack(track);
    if (track.kind === "video") await this.#limit();
  }

  close() {
    clearTimeout(this.#flicker);
    clearTimeout(this.#waiting);
    this.#connection.oniceconnectionstatechange = null;
    this.#connection.close();
  }

  #sender(kind) {
    return this.#connection.getTransceivers().find((one) => one.receiver.track.kind === kind)?.sender;
  }

  async #limit() {
    const { width, height, frame_rate: rate, bitrate } = this.#limits;
    const sender = this.#sender("video");
    const track = sender?.track;
    if (!track) return;
    const parameters = sender.getParameters();
    const [encoding] = parameters.encodings ?? [];
    if (!encoding) return;
    if (bitrate) encoding.maxBitrate = bitrate;
    if (rate) encoding.maxFramerate = rate;
    if (width && height) {
      if (width >= 1280) await track.applyConstraints({ width: { ideal: 1280 }, height: { ideal: 720 } });
      const size = track.getSettings();
      encoding.scaleResolutionDownBy = Math.max(1, (size.width ?? 0) / width, (size.height ?? 0) / height);
    }
    await sender.setParameters(parameters);
  }

  async #unanswered() {
    if (this.#connection.signalingState !== "have-local-offer") return;
    await this.#connection.setLocalDescription({ type: "rollback" });
    if (!this.working) this.dispatchEvent(new Event("lost"));
  }

  #moved() {
    clearTimeout(this.#flicker);
    const state = this.#connection.iceConnectionState;
    if (this.working) this.dispatchEvent(new Event("found"));
    if (state === "failed") this.dispatchEvent(new Event("lost"));
    // Most interruptions end by themselves within a moment.
    if (state === "disconnected") this.#flicker = setTimeout(() => this.dispatchEvent(new Event("lost")), FLICKER);
  }
}

function configuration({ ice_servers: iceServers, relay_only: relayOnly }) {
  return { iceServers, iceTransportPolicy: relayOnly ? "relay" : "all", bundlePolicy: "max-bundle" };
}
