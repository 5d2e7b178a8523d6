// An officer's browser at a call: takes both parties' sound and picture, and notes when each was first there.
window.listen = async (call, token) => {
  const began = performance.now();
  const api = (method, path, body) =>
    fetch(`/api/v1/calls/${call}/listeners${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
  const connection = new RTCPeerConnection();
  for (const kind of ["audio", "video", "audio", "video"]) connection.addTransceiver(kind, { direction: "recvonly" });
  await connection.setLocalDescription();
  const answer = await api("POST", "", { sdp: connection.localDescription.sdp, reason: "a test" });
  const said = await answer.json();
  if (!answer.ok) return said;
  const context = new AudioContext();
  const tracks = connection.getTransceivers().map((each) => each.receiver.track);
  const parties = ["inside", "visitor"].map((name, index) => {
    const [audio, video] = tracks.slice(2 * index, 2 * index + 2);
    const party = { name, hertz: 0, level: -200, sound: null, frame: null, colour: null };
    const player = Object.assign(new Audio(), { srcObject: new MediaStream([audio]), muted: true });
    player.play();
    const analyser = Object.assign(context.createAnalyser(), { fftSize: 2048, smoothingTimeConstant: 0 });
    context.createMediaStreamSource(new MediaStream([audio])).connect(analyser);
    const picture = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
    document.body.append(picture);
    picture.requestVideoFrameCallback(() => (party.frame = performance.now() - began));
    picture.srcObject = new MediaStream([video]);
    picture.play();
    const brush = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
    const spectrum = new Float32Array(analyser.frequencyBinCount);
    setInterval(() => {
      analyser.getFloatFrequencyData(spectrum);
      const best = spectrum.indexOf(spectrum.reduce((one, other) => Math.max(one, other), -Infinity), 1);
      party.level = Math.max(-200, spectrum[best]);
      party.hertz = (best * context.sampleRate) / analyser.fftSize;
      if (party.level > -60) party.sound ??= performance.now() - began;
      if (picture.videoWidth) {
        brush.drawImage(picture, 0, 0, 1, 1);
        party.colour = [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
      }
    }, 20);
    return party;
  });
  await connection.setRemoteDescription({ type: "answer", sdp: said.sdp });
  window.listening = { id: said.listener.id, connection, parties };
  return { id: said.listener.id };
};
