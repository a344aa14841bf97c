/**
 * Keeps the screen on while someone is selling: a dark screen reads no cards. The lock ends by itself when the page is
 * hidden and is taken again when it comes back; after a quiet while it is let go, for the battery's sake.
 */

const QUIET_MS = 10 * 60_000;

/** @type {WakeLockSentinel | null} */
let lock = null;
let wanted = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let quiet;

/** Somebody is selling: hold the lock, and for a while longer. */
export function stayAwake() {
  wanted = true;
  clearTimeout(quiet);
  quiet = setTimeout(letSleep, QUIET_MS);
  void take();
}

export function letSleep() {
  wanted = false;
  clearTimeout(quiet);
  void lock?.release();
  lock = null;
}

async function take() {
  if (!wanted || document.hidden || (lock && !lock.released)) return;
  try {
    lock = await navigator.wakeLock?.request('screen') ?? null;
  } catch {
    lock = null; // refused, for instance by the battery saver; selling goes on
  }
}

document.addEventListener('visibilitychange', () => void take());
