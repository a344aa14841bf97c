/**
 * Sentences come from the server, in a json_script element of the page: no script contains words of its own.
 * A missing sentence shows its key, so that it is noticed.
 */

/**
 * @param {string} element_id the json_script element
 * @returns {(key: string, values?: Record<string, string | number>) => string}
 */
export function loadMessages(element_id) {
  /** @type {Record<string, string>} */
  const messages = JSON.parse(document.getElementById(element_id)?.textContent ?? '{}');
  return (key, values = {}) =>
    (messages[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** The page's language as a BCP 47 tag. */
export function pageLanguage() {
  return document.documentElement.lang || 'zh-Hans';
}

/**
 * "14:05:09" in the page's language, in the merchant's time zone when it is known.
 * @param {string} rfc3339
 * @param {string} [time_zone]
 */
export function formatTime(rfc3339, time_zone) {
  return new Intl.DateTimeFormat(pageLanguage(), {
    hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false, timeZone: time_zone,
  }).format(new Date(rfc3339));
}
