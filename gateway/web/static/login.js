// Staff's way in; goes on to the page they wanted.

import { call } from "./staff_api.js";
import { phrase, translate } from "./staff_words.js";

const form = document.querySelector("#login");
const button = document.querySelector("#go");
const trouble = document.querySelector("#trouble");

/** The page that was wanted, if it is one of ours. */
function next() {
  const home = new URL("staff", location.href);
  try {
    const wanted = new URL(new URLSearchParams(location.search).get("next") || home, home);
    return wanted.origin === home.origin ? wanted : home;
  } catch {
    return home;
  }
}

function complain(text) {
  trouble.textContent = text;
  trouble.hidden = !text;
}

async function logIn() {
  complain("");
  button.disabled = true;
  try {
    await call("POST", "login", { user: form.user.value.trim(), password: form.password.value });
    location.replace(next());
  } catch (error) {
    const known = { 401: "login_refused", 422: "login_refused", 429: "locked_out" }[error.status];
    complain(known ? phrase(known) : error.status ? error.message : phrase("unreachable"));
    form.password.value = "";
    form.password.focus();
  } finally {
    button.disabled = false;
  }
}

translate();
document.title = phrase("log_in");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  logIn();
});
// Somebody who came from another site's link is logged in all the same, though their cookie did not come along.
if (new URLSearchParams(location.search).has("next")) {
  call("GET", "me").then(() => location.replace(next()), () => {});
}
