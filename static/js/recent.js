/** The last few verdicts of this window, for the cashier's own memory; the books are in the dashboard. */

import { formatTime } from './i18n.js';
import { formatMoney } from './money.js';

const KEPT = 5;

/**
 * @param {Result} result
 * @param {Ready | null} ready whose currency and time zone count
 * @param {(key: string) => string} t
 */
export function remember({ result, outcome, kind }, ready, t) {
  const list = document.getElementById('recent-sales');
  const template = document.getElementById('recent-sale');
  if (!list || !(template instanceof HTMLTemplateElement) || kind === 'balance') return;
  const item = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  const [badge, time, amount] = /** @type {[HTMLElement, HTMLElement, HTMLElement]} */ ([...item.querySelectorAll('span')]);
  badge.textContent = t(`recent_${result}`);
  badge.classList.add(result === 'approved' ? 'badge--good' : 'badge--bad');
  time.textContent = formatTime(outcome.approved_at ?? new Date().toISOString(), ready?.merchant.time_zone);
  amount.textContent = outcome.amount === undefined ? '' : formatMoney(outcome.amount, outcome.currency ?? ready?.limits.currency ?? 'CNY');
  list.prepend(item);
  while (list.children.length > KEPT) list.lastElementChild?.remove();
  const section = document.getElementById('recent');
  if (section) section.hidden = false;
  document.getElementById('main')?.setAttribute('data-recent', 'yes');
}
