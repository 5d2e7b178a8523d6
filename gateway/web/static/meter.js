// How loud the visitor's microphone is, drawn as a bar.

const QUIETEST = -55;
const LOUDEST = -10;

export class Meter {
  #element;
  #context = null;
  #source = null;
  #timer = 0;

  constructor(element) {
    this.#element = element;
  }

  /** Show this stream's level from now on; null shows none. */
  watch(stream) {
    clearInterval(this.#timer);
    this.#source?.disconnect();
    this.#draw(0);
    if (!stream) return;
    this.#context ??= new AudioContext();
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 1024;
    this.#source = this.#context.createMediaStreamSource(stream);
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      // A page that nobody has touched yet may not run its audio context.
      if (this.#context.state === "suspended") this.#context.resume();
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
      const decibels = 10 * Math.log10(power + 1e-10);
      this.#draw(Math.min(1, Math.max(0, (decibels - QUIETEST) / (LOUDEST - QUIETEST))));
    }, 80);
  }

  #draw(level) {
    this.#element.style.setProperty("--level", level.toFixed(3));
    this.#element.setAttribute("aria-valuenow", Math.round(level * 100));
  }
}
