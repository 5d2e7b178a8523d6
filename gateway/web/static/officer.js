// The officers' page: the live wall, the call that is open, alerts, and recordings. All of it works by the keyboard.

import { Card } from "./officer_card.js";
import { Recordings } from "./officer_recordings.js";
import { Wall } from "./officer_wall.js";
import { phrase, translate } from "./officer_words.js";
import { Socket } from "./socket.js";
import { call as api } from "./staff_api.js";
import { language } from "./strings.js";

const ALERTS = 5_000;
const at = (selector) => document.querySelector(selector);
const dialog = at("#ask");
const calls = new Map();
let me = null;
let act = null;
let shownAlerts = "";
let due = 0;

const wall = new Wall(at("#wall"), open);
const card = new Card({ ask, complain: (text) => complain(text), when });
const recordings = new Recordings({ ask, complain: fail });

function when(moment, facility) {
  const timeZone = me?.zones[facility];
  const style = { hour: "2-digit", minute: "2-digit", second: "2-digit", ...(timeZone ? { timeZone } : {}) };
  return new Intl.DateTimeFormat(language, style).format(new Date(moment));
}

function complain(text) {
  at("#trouble").textContent = text;
  at("#trouble").hidden = !text;
}

function fail(error) {
  if (error.status === 401) toLogin();
  else complain(error.status === 404 ? phrase("gone") : error.status ? error.message : error.message || phrase("unreachable"));
}

function toLogin() {
  const login = new URL("login", location.href);
  login.searchParams.set("next", location.pathname);
  location.replace(login);
}

/** Ask for a reason (or a text), then do it. `warning` lets one of the spoken warnings be chosen. */
function ask({ title, label, needed, warning = false, asked = "" }, then) {
  at("#ask-title").textContent = title;
  at("#do").textContent = label;
  at("#ask-label").textContent = asked || phrase(warning ? "reason_or_text" : "reason");
  at("#reason").value = "";
  at("#reason").required = needed;
  at("#ask-choice").hidden = !warning;
  at("#choice").value = "";
  act = { then, warning, needed };
  dialog.showModal();
  at(warning ? "#choice" : "#reason").focus();
}

async function open(id) {
  const call = calls.get(id);
  if (!call) return;
  wall.choose(id);
  complain("");
  await card.open(call);
}

function close() {
  wall.choose(null);
  card.close();
}

function options(select, values) {
  const before = select.value;
  const known = [...select.options].map((option) => option.value).join();
  const wanted = ["", ...[...values].filter(Boolean).sort()];
  if (known === wanted.join()) return;
  select.replaceChildren(...wanted.map((value) => new Option(value || phrase("all"), value)));
  select.value = wanted.includes(before) ? before : "";
}

function draw() {
  due = 0;
  const all = [...calls.values()];
  options(at("#unit"), new Set(all.map((call) => call.unit)));
  options(at("#state"), new Set(all.map((call) => call.state)));
  const [unit, state, words] = [at("#unit").value, at("#state").value, at("#search").value.trim().toLowerCase()];
  const shown = all.filter(
    (call) =>
      (!unit || call.unit === unit) &&
      (!state || call.state === state) &&
      (!words || [call.station, call.unit, call.resident, ...call.visitors].join(" ").toLowerCase().includes(words)),
  );
  wall.show(shown);
  at("#count").textContent = phrase("counted", { shown: shown.length, all: all.length });
  const [from, to] = wall.range;
  at("#pager").hidden = wall.pages === 1;
  at("#page").textContent = phrase("paged", { from, to });
  if (card.call) {
    const now = calls.get(card.call.id);
    if (!now) {
      at("#status").textContent = phrase("ended");
      close();
    } else if (now !== card.call) card.show(now);
  }
}

/** Draw soon, once for all that comes in between. */
function drawSoon() {
  due ||= setTimeout(draw, 50);
}

function heard({ detail: message }) {
  if (message.type === "wall") {
    calls.clear();
    for (const call of message.calls) calls.set(call.id, call);
  } else if (message.type === "call") calls.set(message.call.id, message.call);
  else if (message.type === "gone") calls.delete(message.id);
  drawSoon();
}

async function lookAtAlerts() {
  try {
    const { alerts } = await api("GET", "alerts?waiting=true");
    const now = JSON.stringify(alerts);
    if (now !== shownAlerts) {
      shownAlerts = now;
      at("#alerts").replaceChildren(...alerts.map(drawAlert));
    }
  } catch (error) {
    if (error.status === 401) toLogin();
  }
  setTimeout(lookAtAlerts, ALERTS);
}

function drawAlert(row) {
  const line = document.createElement("li");
  const told = document.createElement("div");
  const know = document.createElement("button");
  line.className = row.severity;
  told.textContent = `${when(row.at, row.facility)} ${row.text}`;
  Object.assign(know, { type: "button", className: "plain-button", textContent: phrase("acknowledge") });
  know.addEventListener("click", () => api("POST", `alerts/${row.id}/acknowledge`).then(() => line.remove(), fail));
  line.append(told, know);
  return line;
}

function turnTo(archive) {
  at("#live").hidden = archive;
  at("#archive").hidden = !archive;
  for (const each of [...document.querySelectorAll(".top label"), at("#count")]) each.hidden = archive;
  at("#to-live").setAttribute("aria-pressed", String(!archive));
  at("#to-recordings").setAttribute("aria-pressed", String(archive));
  if (archive) recordings.search();
  else recordings.stop();
}

function pressed(event) {
  const typing = !dialog.contains(event.target) && event.target.closest("input, select, textarea, video");
  if (event.ctrlKey || event.altKey || event.metaKey || typing || dialog.open) return;
  const here = at("#archive").hidden ? { press: pressedLive } : recordings;
  if (here.press(event.key, event.repeat)) event.preventDefault();
}

/** Do what a key stands for on the wall; whether it stands for anything. */
function pressedLive(key, repeated) {
  if (key === "/") at("#search").focus();
  else if (key === "Escape") close();
  else if (key.startsWith("Arrow") && !at("#wall").contains(document.activeElement)) at("#wall button")?.focus();
  else if (card.call && !repeated && /^[a-z]$/i.test(key)) card.press(key.toLowerCase());
  else return false;
  return true;
}

async function begin() {
  try {
    me = await api("GET", "me");
    const { warnings } = await api("GET", "wall");
    const own = new Option(phrase("own_text"), "");
    at("#choice").replaceChildren(own, ...warnings.map((each) => new Option(each[language] ?? each.en, each.name)));
  } catch (error) {
    if (error.status === 401) toLogin();
    else if (error.status === 403) complain(phrase("forbidden"));
    else setTimeout(begin, ALERTS);
    return;
  }
  at("#name").textContent = me.name;
  card.roles = me.roles;
  recordings.begin(me);
  wall.mayWatch = me.roles.includes("officer");
  const socket = new Socket(new URL("api/v1/officers", location.href.replace(/^http/, "ws")));
  socket.addEventListener("message", heard);
  socket.open();
  lookAtAlerts();
}

translate();
document.title = phrase("live");
for (const id of ["#unit", "#state", "#search"]) at(id).addEventListener("input", draw);
at("#earlier").addEventListener("click", () => {
  wall.page = Math.max(0, wall.page - 1);
  draw();
});
at("#later").addEventListener("click", () => {
  wall.page = Math.min(wall.pages - 1, wall.page + 1);
  draw();
});
at("#to-live").addEventListener("click", () => turnTo(false));
at("#to-recordings").addEventListener("click", () => turnTo(true));
at("#back").addEventListener("click", () => dialog.close());
at("#log-out").addEventListener("click", () => api("POST", "logout").then(toLogin, fail));
at("#ask-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const words = at("#reason").value.trim();
  const prompt = act.warning ? at("#choice").value : "";
  if ((act.needed && !words) || (act.warning && !words && !prompt)) return;
  dialog.close();
  complain("");
  Promise.resolve(act.then(words, prompt)).then(() => (at("#status").textContent = phrase("done")), fail);
});
addEventListener("keydown", pressed);
addEventListener("pagehide", () => {
  close();
  wall.close();
});
begin();
