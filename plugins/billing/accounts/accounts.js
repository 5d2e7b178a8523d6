// The page of those who keep a facility's books. It lives at /plugins/FACILITY/billing/accounts/.
import { words } from "./words.js";

const [facility, root] = place();
const base = `${root}/api/v1/plugins/${encodeURIComponent(facility)}/billing`;
const at = (id) => document.getElementById(id);
let say = words("en");

function place() {
  const parts = location.pathname.split("/");
  const plugins = parts.lastIndexOf("plugins");
  return [decodeURIComponent(parts[plugins + 1]), parts.slice(0, plugins).join("/")];
}

async function ask(path, body) {
  const told = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const headers = { "X-Parloir": "1", "Content-Type": "application/json" };
  const answer = await fetch(`${base}/${path}`, { ...told, headers, credentials: "same-origin" });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.message ?? found.error?.message ?? String(answer.status));
  return found;
}

function cell(content, number) {
  const made = document.createElement("td");
  if (number) made.className = "n";
  made.append(content ?? "");
  return made;
}

function fill(table, heads, rows) {
  table.replaceChildren();
  if (heads && rows.length) {
    const head = table.createTHead().insertRow();
    for (const name of heads) {
      const made = document.createElement("th");
      made.scope = "col";
      made.textContent = name;
      head.append(made);
    }
  }
  const body = table.createTBody();
  for (const cells of rows.length ? rows : [[cell(say.none)]]) body.insertRow().append(...cells);
}

function link(account) {
  const made = document.createElement("span");
  for (const form of ["html", "text", "csv"]) {
    const query = new URLSearchParams({ account, format: form, month: at("month").value, language: at("language").value });
    const anchor = document.createElement("a");
    anchor.href = `${base}/statement?${query}`;
    anchor.target = "_blank";
    anchor.rel = "noopener";
    anchor.textContent = form;
    made.append(anchor, " ");
  }
  return made;
}

function button(text, work) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", () => attempt(work));
  return made;
}

// What somebody writes as a reason; null where they leave it.
function reason(question) {
  at("question").textContent = question;
  at("reason").value = "";
  at("why").showModal();
  return new Promise((done) => {
    const close = (words) => { at("why").close(); done(words); };
    at("do").onclick = () => at("reason").value.trim() && close(at("reason").value.trim());
    at("leave").onclick = () => close(null);
    at("why").oncancel = () => done(null);
  });
}

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} ${say.minutes}`;
}

async function showAccounts() {
  const { accounts } = await ask(`accounts?${new URLSearchParams({ find: at("find").value })}`);
  fill(at("accounts"), [say.holder, say.number, say.available, say.held, say.moved, say.statement], accounts.map((each) => [
    cell(each.name || each.account), cell(each.number), cell(each.available, true), cell(each.held, true),
    cell(each.moved.slice(0, 10)), cell(link(each.account)),
  ]));
}

function showReport(found) {
  const rows = [[say.charged, found.charged], ...Object.entries(found.taxes).map(([code, amount]) => [`${say.taxes}: ${code}`, amount]),
    [say.refunded, found.refunded], [say.kept, found.kept]];
  for (const [medium, talked] of Object.entries(found.media)) {
    rows.push([medium, `${say.calls}: ${talked.calls}, ${clock(talked.seconds)}`]);
  }
  rows.push([say.privileged, `${say.calls}: ${found.privileged.calls}, ${clock(found.privileged.seconds)}`]);
  fill(at("report"), null, rows.map(([name, value]) => [cell(name), cell(value, true)]));
}

function showRequests(found) {
  fill(at("requests"), [say.asked, say.visitor, say.call, say.words, ""], found.map((each) => {
    const both = document.createElement("span");
    both.append(
      button(say.grant, async () => {
        const words = await reason(say.reason);
        if (words) await ask("refunds", { call: each.call, reason: words });
      }),
      " ",
      button(say.decline, async () => {
        const answer = await reason(say.answer);
        if (answer) await ask("refund-requests/decline", { id: each.id, answer });
      }),
    );
    return [cell(each.asked.slice(0, 10)), cell(each.visitor), cell(each.call), cell(each.words), cell(both)];
  }));
}

function showIdle(found) {
  fill(at("idle"), [say.holder, say.number, say.available, say.days, ""], found.map((each) => [
    cell(each.name || each.account), cell(each.number), cell(each.available, true), cell(String(each.days), true),
    cell(each.refund_due ? say.due : say.soon),
  ]));
}

function showCosts(found) {
  const heads = [say.call, say.minutes, say.bytes, say.cpu, say.compute, say.bandwidth, say.charged];
  const sum = ["Σ", found.count, "", "", found.compute, found.bandwidth, found.charged];
  fill(at("costs"), heads, (found.count ? [sum.map((each) => cell(String(each), true))] : []).concat(found.calls.map((each) => [
    cell(each.call), cell(clock(each.seconds), true), cell(String(each.bytes), true),
    cell(each.cpu_milliseconds === null ? "–" : String(each.cpu_milliseconds), true),
    cell(each.compute ?? "–", true), cell(each.bandwidth, true), cell(each.charged, true),
  ])));
}

async function load() {
  const month = new URLSearchParams({ month: at("month").value });
  showReport(await ask(`report?${month}`));
  showRequests(await ask("refund-requests"));
  await showAccounts();
  showIdle(await ask("idle"));
  showCosts(await ask(`costs?${month}`));
}

async function attempt(work) {
  at("failed").hidden = true;
  try {
    await work();
    await load();
  } catch (error) {
    at("failed").textContent = `${say.failed} ${error.message}`;
    at("failed").hidden = false;
  }
}

function speak() {
  const language = at("language").value;
  say = words(language);
  document.documentElement.lang = language;
  document.title = say.accounts;
  for (const each of document.querySelectorAll("[data-words]")) each.textContent = say[each.dataset.words];
}

at("month").value = new Date().toISOString().slice(0, 7);
at("language").value = navigator.language.startsWith("es") ? "es" : "en";
at("month").addEventListener("change", () => attempt(async () => {}));
at("language").addEventListener("change", () => { speak(); attempt(async () => {}); });
at("find").addEventListener("change", () => attempt(async () => {}));
speak();
attempt(async () => {});
