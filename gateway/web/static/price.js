// What the visit costs, before and while it is held, in plain sentences, and what it has come to so far.

import { stretch } from "./clock.js";
import { dollars, percent } from "./money.js";
import { before } from "./receipt.js";
import { words } from "./strings.js";
import { find, say } from "./view.js";

let agreed = "";
let told = null;
let at = 0;

function rate(steps) {
  const told = steps.map(({ from_second: from, per_minute: micro }) => {
    const price = micro ? words("rate", { price: dollars(micro) }) : words("rate_nothing");
    return from ? words("rate_from", { time: stretch(from), rate: price }) : price;
  });
  return told.join("; ");
}

function paid({ payer, sooner, seconds }) {
  if (payer === "facility") return [words("pays_facility")];
  const lasts = sooner ? words("money_sooner", { time: stretch(seconds) }) : words("money_enough");
  return [`${words(payer === "resident" ? "pays_resident" : "pays_visitor")} ${lasts}`];
}

function priced(price) {
  const { steps, taxes, most, seconds } = price;
  const told = [words("price_rate", { rate: rate(steps) })];
  if (seconds !== null) {
    const values = { most: dollars(most), time: stretch(seconds) };
    told.push(taxes.length ? words("price_most_taxed", values) : words("price_most", values));
  }
  if (taxes.length) {
    const list = taxes.map(({ code, ppm }) => words("tax", { code, percent: percent(ppm) }));
    told.push(words("price_taxes", { taxes: list.join(", ") }));
  }
  return [...told, ...paid(price), ...(price.state === "expected" ? [words("price_expected")] : [])];
}

function sentences(price) {
  if (price.state === "unknown") return [words("price_unknown")];
  if (price.state === "refused") return [words("price_refused")];
  if (price.private) return [words("price_private")];
  return price.steps.length ? priced(price) : [words("price_free")];
}

function fare({ state, steps, payer }) {
  if (state !== "agreed") return "";
  if (!steps.length) return words("fare_free");
  return payer === "facility" ? words("fare_facility") : words("fare", { rate: rate(steps) });
}

/** Show a price, or none any more (null). */
export function show(price) {
  const lines = price ? sentences(price) : [];
  find("price").replaceChildren(...lines.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
  find("price").hidden = !price;
  find("price").classList.toggle("short", price?.state === "refused");
  agreed = price ? fare(price) : "";
  told = null;
  say("fare", agreed);
}

/** Learn from the gateway what the call has come to, and for how long the money lasts. */
export function count(meter) {
  told = meter;
  at = performance.now();
  say("fare", words("fare_so_far", { fare: agreed, total: dollars(before() + meter.total) }));
}

/** Seconds of talking that the money lasts, at the end of which the call ends; Infinity where it ends in time. */
export function lasts() {
  if (!told || told.left === null) return Infinity;
  const gone = told.runs ? (performance.now() - at) / 1000 : 0;
  return Math.max(0, Math.ceil(told.left - gone));
}
