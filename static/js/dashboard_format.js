/** How the dashboard writes money, hours and times. Formatters are made once: a feed formats hundreds of values. */

import { pageLanguage } from './i18n.js';
import { exponent, formatMoney } from './money.js';

/**
 * @param {string} currency ISO 4217
 * @param {string} time_zone IANA name, the merchant's
 */
export function makeFormat(currency, time_zone) {
  const language = pageLanguage();
  const short = new Intl.NumberFormat(language, {
    style: 'currency', currency, currencyDisplay: 'narrowSymbol', notation: 'compact',
    minimumFractionDigits: 0, maximumFractionDigits: 1,
  });
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: time_zone, hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
  });
  return {
    /** @param {number} minor */
    money: (minor) => formatMoney(minor, currency, language),
    /** For an axis. @param {number} minor */
    moneyShort: (minor) => short.format(minor / 10 ** exponent(currency)),
    /** "14:05:09" on the merchant's clock. @param {Date} at */
    clock: (at) => clock.format(at),
    /**
     * When a transaction was, as briefly as the day allows. The wire's times carry the merchant's offset, so what
     * stands in them is what the merchant's clock showed.
     * @param {TransactionObject} transaction
     * @param {string} business_date the one that is shown as today
     */
    when: ({ occurred_at, business_date: day }, business_date) =>
      day === business_date ? occurred_at.slice(11, 19) : `${occurred_at.slice(5, 10)} ${occurred_at.slice(11, 16)}`,
    /** "9:00". @param {number} hour */
    hour: (hour) => `${hour % 24}:00`,
    /** A business date in words, as the server writes it on the first paint. @param {string} iso */
    day: (iso) =>
      new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(`${iso}T00:00:00Z`)),
  };
}

/** @typedef {ReturnType<typeof makeFormat>} Format */
