// Watches a visitor's page from inside: every 50 ms what its remote media sounds and looks like, and its state.
(() => {
  const connections = [];
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...settings) {
      super(...settings);
      connections.push(this);
    }
  };

  // A tone is what echo cancelling and noise suppression are there to remove.
  const devices = navigator.mediaDevices;
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const getUserMedia = devices?.getUserMedia.bind(devices);
  if (devices) {
    devices.getUserMedia = ({ audio, ...others }) =>
      getUserMedia({ ...others, audio: audio ? { ...(audio === true ? {} : audio), ...plain } : false });
  }

  const WINDOW = 2048;
  const probe = { samples: [], connections, errors: [] };
  window.__probe = probe;
  window.addEventListener("error", (event) => probe.errors.push(String(event.message)));
  window.addEventListener("unhandledrejection", (event) => probe.errors.push(String(event.reason)));

  let context = null;
  let analyser = null;
  let source = null;
  let heard = null;
  const spectrum = new Float32Array(WINDOW / 2);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 8;
  const brush = canvas.getContext("2d", { willReadFrequently: true });

  const current = () => connections.filter((c) => c.connectionState !== "closed").at(-1);

  const remoteTrack = (kind) => {
    const receivers = current()?.getReceivers() ?? [];
    return receivers.find((r) => r.track.kind === kind && r.track.readyState === "live")?.track ?? null;
  };

  const tone = () => {
    const track = remoteTrack("audio");
    if (track === null) return [0, -200, 0];
    if (track !== heard) {
      context ??= new AudioContext();
      analyser ??= Object.assign(context.createAnalyser(), { fftSize: WINDOW, smoothingTimeConstant: 0 });
      source?.disconnect();
      source = context.createMediaStreamSource(new MediaStream([track]));
      source.connect(analyser);
      heard = track;
    }
    analyser.getFloatFrequencyData(spectrum);
    let best = 0;
    for (let i = 1; i < spectrum.length; i++) if (spectrum[i] > spectrum[best]) best = i;
    let next = -200;
    for (let i = 1; i < spectrum.length; i++) if (Math.abs(i - best) > 6) next = Math.max(next, spectrum[i]);
    const level = Math.max(-200, spectrum[best]);
    return [(best * context.sampleRate) / WINDOW, level, level - next];
  };

  const shown = () => {
    const video = remoteTrack("video");
    const audio = remoteTrack("audio");
    for (const element of document.querySelectorAll("video, audio")) {
      const tracks = element.srcObject?.getTracks?.() ?? [];
      if (video && tracks.includes(video)) return element;
      if (!video && audio && tracks.includes(audio)) return element;
    }
    return null;
  };

  const colour = () => {
    const element = shown();
    if (!element?.videoWidth || element.readyState < 2) return null;
    brush.drawImage(element, 0, 0, 8, 8);
    const pixels = brush.getImageData(0, 0, 8, 8).data;
    const sum = [0, 0, 0];
    for (let i = 0; i < pixels.length; i++) if (i % 4 < 3) sum[i % 4] += pixels[i];
    return sum.map((value) => Math.round(value / 64));
  };

  setInterval(() => {
    if (document.body === null) return;
    const [hertz, level, purity] = tone();
    const element = shown();
    probe.samples.push({
      at: performance.timeOrigin + performance.now(),
      state: document.body.dataset.state ?? "",
      hertz,
      level,
      purity,
      colour: colour(),
      playing: element !== null && !element.paused && !element.muted,
    });
    if (probe.samples.length > 6000) probe.samples.splice(0, 1000);
  }, 50);

  probe.stats = async () => {
    const found = {};
    for (const report of (await current()?.getStats())?.values() ?? []) {
      if (report.type === "inbound-rtp" || report.type === "outbound-rtp") found[`${report.type} ${report.kind}`] = report;
      if (report.type === "candidate-pair" && report.nominated) found.pair = report;
      if (report.type === "local-candidate") (found.locals ??= {})[report.id] = report;
    }
    return found;
  };
})();
