/**
 * What must outlive the page: the sale without a verdict, and small settings. localStorage, because it is written before
 * the message leaves (IndexedDB would only promise to).
 */

const PENDING = 'softpos.pending';

/** @param {PendingSale} sale */
export function savePending(sale) {
  localStorage.setItem(PENDING, JSON.stringify(sale));
}

export function forgetPending() {
  localStorage.removeItem(PENDING);
}

/** @returns {PendingSale | null} */
export function loadPending() {
  const sale = read(PENDING, null);
  return sale && typeof sale.id === 'string' && Number.isSafeInteger(sale.amount) ? sale : null;
}

/**
 * @template T
 * @param {string} name
 * @param {T} fallback
 * @returns {T}
 */
export function readSetting(name, fallback) {
  return read(`softpos.${name}`, fallback);
}

/**
 * @param {string} name
 * @param {unknown} value
 */
export function writeSetting(name, value) {
  localStorage.setItem(`softpos.${name}`, JSON.stringify(value));
}

/**
 * @param {string} key
 * @param {any} fallback
 */
function read(key, fallback) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null') ?? fallback;
  } catch {
    return fallback;
  }
}
