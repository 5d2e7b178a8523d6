// Keeps the screen on while somebody waits or talks.

let wanted = false;
let lock = null;

async function ask() {
  if (!wanted || document.hidden || lock || !navigator.wakeLock) return;
  try {
    lock = await navigator.wakeLock.request("screen");
    lock.addEventListener("release", () => { lock = null; });
    if (!wanted) lock.release();
  } catch {
    // Refused, by a low battery for one: the visit goes on.
  }
}

document.addEventListener("visibilitychange", ask);

/** Keep the screen on, or let it go dark. */
export function stayAwake(yes) {
  wanted = yes;
  if (yes) ask();
  else lock?.release();
}
