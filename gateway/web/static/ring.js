// The page's ring, for a call from inside: made by the browser, so that there is no file to load.

const ON = 1_000;
const EVERY = 3_000;
const TONES = [440, 480];
const LOUD = 0.08;

let context = null;
let again = 0;

function once() {
  for (const frequency of TONES) {
    const tone = new OscillatorNode(context, { frequency });
    tone.connect(new GainNode(context, { gain: LOUD })).connect(context.destination);
    tone.start();
    tone.stop(context.currentTime + ON / 1_000);
  }
  navigator.vibrate?.(ON);
}

/** Ring, or stop. A browser that plays no sound unasked rings by sight alone. */
export function ring(yes) {
  if (!yes) {
    clearInterval(again);
    again = 0;
    context?.close();
    context = null;
    navigator.vibrate?.(0);
  } else if (again === 0) {
    context = new AudioContext();
    once();
    again = setInterval(once, EVERY);
  }
}
