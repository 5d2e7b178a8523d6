// Staff's overview: live calls, alerts and visits to come, and what this person may do about them.

import { language } from "./strings.js";
import { call } from "./staff_api.js";
import { phrase, translate } from "./staff_words.js";

const AGAIN = 4_000;
const at = (selector) => document.querySelector(selector);
const dialog = at("#ask");
let me = null;
let shown = {};
let act = null;

const may = (...roles) => roles.some((role) => me.roles.includes(role));

function when(moment, facility, style) {
  const timeZone = me.zones[facility];
  return new Intl.DateTimeFormat(language, { ...style, ...(timeZone ? { timeZone } : {}) }).format(new Date(moment));
}

const clock = { hour: "2-digit", minute: "2-digit" };
const day = { ...clock, weekday: "short", day: "numeric", month: "short" };

function complain(text) {
  at("#trouble").textContent = text;
  at("#trouble").hidden = !text;
}

function item(title, details, button = null, kind = "") {
  const line = document.createElement("li");
  const text = document.createElement("div");
  const head = document.createElement("strong");
  const rest = document.createElement("p");
  line.className = kind;
  head.textContent = title;
  rest.className = "quiet";
  rest.textContent = details.filter(Boolean).join(" · ");
  text.append(head, rest);
  line.append(text);
  if (button) line.append(button);
  return line;
}

function button(label, about, press) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "plain-button";
  made.textContent = label;
  made.setAttribute("aria-label", `${label}: ${about}`);
  made.addEventListener("click", press);
  return made;
}

/** Show a list anew only when it changed, so that focus and reading are not disturbed. */
function list(name, rows, draw) {
  const now = JSON.stringify(rows);
  if (shown[name] === now) return;
  shown[name] = now;
  at(`#${name}`).replaceChildren(...rows.map(draw));
}

function drawCall(row) {
  const place = `${row.facility}/${row.station}`;
  const end = () => ask(phrase("end_this", { place }), phrase("end_call"), async (reason) => {
    await call("DELETE", `calls/${encodeURIComponent(row.id)}`, { reason });
    return phrase("ended");
  });
  const details = [row.state, phrase(row.class), phrase("since", { time: when(row.opened, row.facility, clock) })];
  return item(place, details, may("officer", "administrator") ? button(phrase("end_call"), place, end) : null);
}

function drawVisit(row) {
  const cancel = () => ask(phrase("cancel_this", { visitor: row.visitor }), phrase("cancel_visit"), async (reason) => {
    await call("DELETE", `visits/${encodeURIComponent(row.id)}`, { reason });
    return phrase("cancelled");
  });
  const details = [when(row.start, row.facility, day), phrase("minutes", { number: row.minutes }), `${row.facility}/${row.station}`];
  const own = may("scheduler", "administrator") ? button(phrase("cancel_visit"), row.visitor, cancel) : null;
  return item(row.visitor, details, own);
}

function drawAlert(row) {
  const know = () => attempt(async () => {
    await call("POST", `alerts/${row.id}/acknowledge`);
    await look();
  });
  const own = may("officer", "technician", "administrator") ? button(phrase("acknowledge"), row.text, know) : null;
  return item(row.text, [row.facility ?? phrase("whole_gateway"), when(row.at, row.facility, day)], own, row.severity);
}

function ask(title, label, then) {
  at("#ask-title").textContent = title;
  at("#do").textContent = label;
  at("#reason").value = "";
  act = then;
  dialog.showModal();
}

async function attempt(work, asked = true) {
  try {
    await work();
    if (asked || at("#trouble").textContent === phrase("unreachable")) complain("");
  } catch (error) {
    if (error.status === 401) toLogin();
    else if (error.status === 403) complain(phrase("forbidden"));
    else if (error.status === 404 || error.status === 409) complain(phrase("gone"));
    else complain(error.status ? error.message : phrase("unreachable"));
  }
}

function toLogin() {
  const login = new URL("login", location.href);
  login.searchParams.set("next", location.pathname);
  location.replace(login);
}

async function look() {
  const [calls, alerts, scheduled, active] = await Promise.all([
    call("GET", "calls?live=true"),
    call("GET", "alerts?waiting=true"),
    call("GET", "visits?state=scheduled"),
    call("GET", "visits?state=active"),
  ]);
  list("calls", calls.calls, drawCall);
  list("alerts", alerts.alerts, drawAlert);
  list("visits", [...active.visits, ...scheduled.visits], drawVisit);
}

function introduce() {
  at("#name").textContent = me.name;
  at("#roles").textContent = me.roles.map((role) => phrase(role)).join(", ");
  const pages = me.pages.map((page) => [page.href, `${page.title} (${page.facility})`]);
  if (may("officer", "auditor", "administrator")) pages.unshift(["officer", phrase("live_calls")]);
  at("#pages").replaceChildren(...pages.map(([href, title]) => {
    const link = document.createElement("a");
    link.href = href;
    link.textContent = title;
    return link;
  }));
  at("#pages").hidden = !pages.length;
}

async function keepLooking() {
  await attempt(async () => {
    if (me === null) {
      me = await call("GET", "me");
      introduce();
    }
    await look();
  }, false);
  setTimeout(keepLooking, AGAIN);
}

translate();
document.title = phrase("overview");
at("#back").addEventListener("click", () => dialog.close());
at("#log-out").addEventListener("click", () => attempt(async () => {
  await call("POST", "logout");
  toLogin();
}));
at("#ask-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const reason = at("#reason").value.trim();
  if (!reason) return;
  dialog.close();
  attempt(async () => {
    at("#status").textContent = await act(reason);
    await look();
  });
});
keepLooking();
