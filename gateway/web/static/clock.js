// The gateway's clock as this page reckons it, and times as people read them.

import { language, words } from "./strings.js";

let ahead = 0;

/** Learn the gateway's time from its word. */
export function set(now) {
  ahead = Date.parse(now) - Date.now();
}

/** Whole seconds until that moment, never negative. */
export function until(moment) {
  return Math.max(0, Math.ceil((Date.parse(moment) - Date.now() - ahead) / 1000));
}

/** Seconds as 4:05, or 1:04:05. */
export function duration(seconds) {
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((n) => String(n).padStart(2, "0"));
  const hours = Math.floor(seconds / 3600);
  return hours > 0 ? `${hours}:${parts.join(":")}` : `${Number(parts[0])}:${parts[1]}`;
}

/** Seconds in words: 4 min 5 s. */
export function stretch(seconds) {
  const minutes = Math.floor(seconds / 60);
  const parts = [minutes ? `${minutes} min` : "", seconds % 60 || !minutes ? `${seconds % 60} s` : ""];
  return parts.filter(Boolean).join(" ");
}

/** The hour of a moment, as 18:30, by the visitor's own clock. */
export function hour(moment) {
  return new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" }).format(new Date(moment));
}

/** "Today, 18:30 to 18:50", by the visitor's own clock. */
export function when(start, end) {
  const hour = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
  const from = new Date(start);
  const name = from.toDateString() === new Date().toDateString() ? words("today") : day.format(from);
  const capital = name.charAt(0).toLocaleUpperCase(language) + name.slice(1);
  return words("when", { day: capital, start: hour.format(from), end: hour.format(new Date(end)) });
}
