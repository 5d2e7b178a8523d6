// What the visit's calls have cost, and the form by which money is asked back.

import * as clock from "./clock.js";
import { dollars } from "./money.js";
import { words } from "./strings.js";
import { find, say } from "./view.js";

const PATIENCE = 15_000;

let token = "";
let where = "";
let waiting = 0;
let earlier = 0;

function line({ began, seconds, charge, taxes, refunded }, several) {
  const parts = [words("cost_call", { time: clock.stretch(seconds), charge: dollars(charge) })];
  for (const { code, amount } of taxes) parts.push(words("cost_tax", { code, amount: dollars(amount) }));
  if (refunded) parts.push(words("cost_back", { amount: dollars(refunded) }));
  return `${several ? `${clock.hour(began)}: ` : ""}${parts.join("; ")}`;
}

function offer(charged) {
  const several = charged.length > 1;
  const rows = charged.map((call) => Object.assign(document.createElement("li"), { textContent: line(call, several) }));
  find("receipt-calls").replaceChildren(...rows);
  find("refund-call").replaceChildren(...charged.map((call) => new Option(line(call, true), call.call)));
  find("refund-call").value = charged.at(-1)?.call ?? "";
  find("refund-call-row").hidden = !several;
  find("refund-open").hidden = !where || !find("refund").hidden || !find("refund-sent").hidden;
}

function total(text) {
  clearTimeout(waiting);
  find("receipt").hidden = !text;
  say("receipt-total", text);
}

/** A call has begun or is to begin: what was shown is not the whole cost any more. */
export function clear() {
  total("");
  find("refund").hidden = true;
  say("refund-sent", "");
  say("refund-trouble", "");
}

/** What the visit's calls before this one were charged, in micro-dollars. */
export function before() {
  return earlier;
}

/** Learn what the gateway says that the calls have cost, without showing it. */
export function learn({ calls }) {
  earlier = calls.reduce((sum, call) => sum + call.total, 0);
}

/** A call has ended whose cost is told in a moment. */
export function expect() {
  find("receipt-calls").replaceChildren();
  find("refund-open").hidden = true;
  total(words("cost_pending"));
  waiting = setTimeout(() => total(words("cost_settling")), PATIENCE);
}

/** Show what the gateway says that the calls have cost. */
export function show({ calls, settling, refunds }) {
  const charged = calls.filter((call) => call.total > 0);
  const sum = charged.reduce((before, call) => before + call.total, 0);
  where = refunds;
  const cost = sum ? words("cost_total", { total: dollars(sum) }) : words("cost_nothing");
  total(settling ? words("cost_settling") : cost);
  offer(charged);
}

async function send(event) {
  event.preventDefault();
  find("refund-send").disabled = true;
  say("refund-trouble", "");
  const body = JSON.stringify({ call: find("refund-call").value, words: find("refund-words").value.trim() });
  const headers = { "Content-Type": "application/json", "X-Parloir": "1", "X-Parloir-Visit": token };
  const asked = fetch(new URL(`../api/v1/${where}`, location.href), { method: "POST", headers, body });
  const sent = await asked.then((answer) => answer.ok, () => false);
  find("refund-send").disabled = false;
  if (!sent) {
    say("refund-trouble", words("refund_failed"));
    return;
  }
  find("refund").hidden = true;
  find("refund-words").value = "";
  find("refund-open").hidden = find("refund-call").length < 2;
  say("refund-sent", words("refund_sent"));
  find("refund-sent").focus();
}

/** Be ready; `link` is the visit's, which lets its page ask. */
export function begin(link) {
  token = link;
  find("refund-open").addEventListener("click", () => {
    find("refund-open").hidden = true;
    find("refund").hidden = false;
    say("refund-sent", "");
    find("refund-words").focus();
  });
  find("refund").addEventListener("submit", send);
}
