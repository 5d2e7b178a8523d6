// Watches an officer's page: when a call was clicked open, and when each party was first seen and heard after that.
window.addEventListener("click", (event) => {
  if (!event.target.closest(".tile")) return;
  const began = performance.now();
  const parties = ["inside", "visitor"].map((name) => ({ name, hertz: 0, frame: null, sound: null }));
  window.__opened = parties;
  const context = new AudioContext();
  for (const party of parties) {
    const screen = document.querySelector(`#${party.name}`);
    screen.requestVideoFrameCallback(() => (party.frame = performance.now() - began));
    let analyser = null;
    const spectrum = new Float32Array(1024);
    const look = setInterval(() => {
      const track = screen.srcObject?.getAudioTracks()[0];
      if (!analyser && track) {
        analyser = Object.assign(context.createAnalyser(), { fftSize: 2048, smoothingTimeConstant: 0 });
        context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
      }
      if (!analyser) return;
      analyser.getFloatFrequencyData(spectrum);
      const best = spectrum.reduce((found, level, index) => (level > spectrum[found] ? index : found), 1);
      if (spectrum[best] < -60) return;
      party.hertz = (best * context.sampleRate) / 2048;
      party.sound ??= performance.now() - began;
    }, 10);
    setTimeout(() => clearInterval(look), 30_000);
  }
}, true);
