// The page's line to the gateway: JSON messages on a WebSocket that comes back by itself.

const PING = 15_000;
const PATIENCE = 8_000;
const SOONEST = 500;
const LATEST = 10_000;

export class Socket extends EventTarget {
  #url;
  #socket = null;
  #attempts = 0;
  #retry = 0;
  #ping = 0;
  #deadline = 0;
  #finished = false;

  /** Events: "up", "down", and "message" with the message as detail. */
  constructor(url) {
    super();
    this.#url = url;
    addEventListener("online", () => this.#now());
    document.addEventListener("visibilitychange", () => document.hidden || this.#now());
  }

  get up() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  open() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => {
      this.#attempts = 0;
      this.#ping = setInterval(() => this.#check(), PING);
      this.dispatchEvent(new Event("up"));
    };
    socket.onmessage = ({ data }) => {
      clearTimeout(this.#deadline);
      const message = JSON.parse(data);
      if (message.type !== "pong") this.dispatchEvent(new CustomEvent("message", { detail: message }));
    };
    socket.onclose = () => this.#closed(socket);
  }

  /** Say something; false when the line is down. */
  send(message) {
    if (!this.up) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** No more: close, and do not come back. */
  finish() {
    this.#finished = true;
    clearTimeout(this.#retry);
    this.#socket?.close();
  }

  #check() {
    if (!this.send({ type: "ping" })) return;
    clearTimeout(this.#deadline);
    const socket = this.#socket;
    this.#deadline = setTimeout(() => {
      // A dead network lets close() wait for minutes.
      socket.onclose = null;
      socket.close();
      this.#closed(socket);
    }, PATIENCE);
  }

  #closed(socket) {
    if (socket !== this.#socket) return;
    clearInterval(this.#ping);
    clearTimeout(this.#deadline);
    this.#socket = null;
    if (this.#finished) return;
    this.dispatchEvent(new Event("down"));
    const wait = Math.min(LATEST, SOONEST * 2 ** this.#attempts++);
    this.#retry = setTimeout(() => this.open(), wait * (0.75 + Math.random() / 2));
  }

  #now() {
    if (this.#finished) return;
    if (this.#socket === null) {
      clearTimeout(this.#retry);
      this.open();
    } else if (this.up) {
      this.#check();
    }
  }
}
