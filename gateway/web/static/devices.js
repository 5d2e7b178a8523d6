// The visitor's camera and microphone: asked for once, chosen by the visitor, and what to do when one is refused.

const PICTURE = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30, max: 30 } };
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const NONE = "none";

const remembered = (kind) => sessionStorage.getItem(`device:${kind}`);

/** Remember a choice for the next load of the page; "none" as camera means sound only. */
export function remember(kind, id) {
  sessionStorage.setItem(`device:${kind}`, id);
}

/** Why the page may not use devices at all, as a key of strings.js; null when it may. */
export function obstacle() {
  if (!window.isSecureContext) return "not_secure";
  if (!window.RTCPeerConnection || !window.WebSocket || !navigator.mediaDevices?.getUserMedia) return "no_webrtc";
  return null;
}

/**
 * Open what was chosen, or whatever there is: { stream, camera, microphone }, where the latter two are keys of
 * strings.js that say what is wrong, or null. Without a microphone the stream is null.
 */
export async function open() {
  const wantsCamera = remembered("videoinput") !== NONE;
  let camera = wantsCamera ? null : "camera_off";
  if (wantsCamera) {
    try {
      return { stream: await ask(true), camera: null, microphone: null };
    } catch (error) {
      camera = trouble("camera", error);
    }
  }
  try {
    return { stream: await ask(false), camera, microphone: null };
  } catch (error) {
    return { stream: null, camera, microphone: trouble("microphone", error) };
  }
}

/** The devices there are, by kind, with names once a permission was given. */
export async function list() {
  const all = await navigator.mediaDevices.enumerateDevices();
  return Object.groupBy
    ? Object.groupBy(all, (device) => device.kind)
    : all.reduce((groups, device) => ({ ...groups, [device.kind]: [...(groups[device.kind] ?? []), device] }), {});
}

export function stop(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function ask(withCamera) {
  const audio = constrained("audioinput", SOUND);
  return navigator.mediaDevices.getUserMedia({ audio, video: withCamera && constrained("videoinput", PICTURE) });
}

function constrained(kind, constraints) {
  const id = remembered(kind);
  if (id && id !== NONE) return { ...constraints, deviceId: { ideal: id } };
  return kind === "videoinput" ? { ...constraints, facingMode: "user" } : constraints;
}

function trouble(kind, error) {
  if (error.name === "NotAllowedError" || error.name === "SecurityError") return `${kind}_denied`;
  if (error.name === "NotFoundError" || error.name === "OverconstrainedError") return `${kind}_none`;
  return `${kind}_busy`;
}
