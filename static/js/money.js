/**
 * Money between the wire (integers in minor units) and people's eyes. Nothing here calculates an amount:
 * fees, nets and balances come from the server.
 */

/**
 * Digits after the point in a currency: 2 for CNY, 0 for JPY.
 * @param {string} currency ISO 4217 code
 */
export function exponent(currency) {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

/**
 * "¥12.30", as the page's language writes it.
 * @param {number} minor amount in minor units
 * @param {string} currency
 * @param {string} [language] BCP 47 tag, by default the page's
 */
export function formatMoney(minor, currency, language = pageLanguage()) {
  return new Intl.NumberFormat(language, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' })
    .format(major(minor, currency));
}

/**
 * "12.30" without a symbol and without grouping, for speech and for narrow columns.
 * @param {number} minor
 * @param {string} currency
 */
export function plainAmount(minor, currency) {
  return major(minor, currency).toFixed(exponent(currency));
}

/**
 * @param {number} minor
 * @param {string} currency
 */
function major(minor, currency) {
  return minor / 10 ** exponent(currency);
}

function pageLanguage() {
  return globalThis.document?.documentElement.lang || 'zh-Hans';
}
