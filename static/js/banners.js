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
