/** Which of the page's banners are shown. Their words stand in the template; this only decides when they apply. */

/** @typedef {import('./nfc.js').NfcState} NfcState */
/** @typedef {import('./socket.js').LineState} LineState */

/** @param {string} name @param {boolean} shown */
export function showBanner(name, shown) {
  const banner = document.querySelector(`[data-banner="${name}"]`);
  if (banner instanceof HTMLElement) banner.hidden = !shown;
}

/** @param {NfcState} state */
export function showNfcBanner(state) {
  for (const name of ['off', 'denied', 'prompt', 'unsupported']) showBanner(`nfc-${name}`, state === name);
}

/** @param {LineState} state @param {boolean} enrolled without enrolment there is no line to be missed */
export function showLineBanner(state, enrolled) {
  showBanner('offline', state === 'offline' || (!enrolled && !navigator.onLine));
  showBanner('reconnecting', state === 'reconnecting' && navigator.onLine);
}

/**
 * Say why this browser can't read cards. A computer in the demo is told what it can do instead: it has virtual cards.
 * @param {(key: string) => string} t
 * @param {{demo: boolean, enrolled: boolean}} around
 */
export function explainUnsupported(t, { demo, enrolled }) {
  const agent = navigator.userAgent;
  const reason = unsupportedKey(agent, typeof NDEFReader !== 'undefined');
  const isComputerInDemo = demo && reason === 'nfc_unsupported_desktop';
  const words = document.getElementById('nfc-unsupported-text');
  if (words) words.textContent = t(isComputerInDemo ? (enrolled ? 'nfc_demo' : 'nfc_demo_first') : reason);
  const advice = document.getElementById('nfc-unsupported-demo');
  if (advice) advice.hidden = isComputerInDemo;
  const link = document.getElementById('open-in-chrome');
  const intent = chromeIntent(agent);
  if (!(link instanceof HTMLAnchorElement)) return;
  link.hidden = intent === null;
  if (intent) link.href = intent;
}

/** What the page calls a phone is called a device on a computer; the words stand in the template. */
export function nameThisDevice() {
  if (unsupportedKey(navigator.userAgent, false) !== 'nfc_unsupported_desktop') return;
  for (const part of document.querySelectorAll('[data-on-computer]')) {
    if (part instanceof HTMLElement) part.textContent = part.dataset.onComputer ?? '';
  }
}

/**
 * Which sentence tells this browser's user why no card can be read.
 * @param {string} agent navigator.userAgent
 * @param {boolean} hasReader NDEFReader is there, so the chip is what is missing
 */
export function unsupportedKey(agent, hasReader) {
  if (hasReader) return 'nfc_unsupported_chip';
  if (/MicroMessenger/i.test(agent)) return 'nfc_unsupported_wechat';
  if (/iPhone|iPad|iPod/.test(agent)) return 'nfc_unsupported_ios';
  return /Android/.test(agent) ? 'nfc_unsupported_android' : 'nfc_unsupported_desktop';
}

/**
 * An address that opens this page in Chrome on Android, or null where that cannot work (WeChat blocks it).
 * @param {string} agent
 */
export function chromeIntent(agent) {
  if (!/Android/.test(agent) || /MicroMessenger/i.test(agent) || /Chrome\/\d+.*Mobile Safari\/[\d.]+$/.test(agent)) return null;
  const { host, pathname, search, hash, protocol } = location;
  return `intent://${host}${pathname}${search}#Intent;scheme=${protocol.slice(0, -1)};package=com.android.chrome;S.browser_fallback_url=${encodeURIComponent(location.origin + pathname + hash)};end`;
}
