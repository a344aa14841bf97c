/** Writes a state's totals onto the page: the big numbers, the hours' table, the terminals. */

import { set } from './dashboard_feed.js';
import { terminalLines } from './dashboard_state.js';

/** @typedef {import('./dashboard_format.js').Format} Format */

/**
 * The numbers of the day, each in the element of its id, with the integer in `data-minor`.
 * @param {DayTotals} today
 * @param {Format} format
 */
export function showTotals(today, format) {
  const { sales, average, fees, net, refunds, top_ups } = today;
  const amounts = { sales, average, fees, net, refunds, 'top-ups': top_ups };
  for (const [id, minor] of Object.entries(amounts)) show(id, minor, format.money(minor));
  show('count', today.count, String(today.count));
  const date = document.getElementById('business-date');
  if (date && date.getAttribute('datetime') !== today.business_date) {
    date.setAttribute('datetime', today.business_date);
    date.textContent = format.day(today.business_date);
  }
  hide('no-sales', today.count > 0);
}

/**
 * @param {DayTotals} today
 * @param {Format} format
 */
export function showHours(today, format) {
  const body = document.querySelector('#hours tbody');
  for (const line of today.by_hour) {
    const row = body?.querySelector(`[data-hour="${line.hour}"]`);
    if (!(row instanceof HTMLElement)) continue;
    set(row, 'sales', format.money(line.sales));
    set(row, 'count', String(line.count));
    set(row, 'fees', format.money(line.fees));
    row.hidden = line.count === 0;
  }
  const details = document.querySelector('.by-hour');
  if (details instanceof HTMLElement) details.hidden = today.count === 0;
}

/**
 * @param {DashboardState} state
 * @param {Format} format
 * @param {import('./dashboard_feed.js').Say} say
 */
export function showTerminals(state, format, say) {
  const list = document.getElementById('terminals');
  const mould = document.getElementById('terminal-line');
  if (!list || !(mould instanceof HTMLTemplateElement)) return;
  const lines = terminalLines(state);
  const rows = lines.map((line) => {
    const copy = /** @type {DocumentFragment} */ (mould.content.cloneNode(true));
    const row = /** @type {HTMLElement} */ (copy.querySelector('li'));
    const count = say(line.count === 1 ? 'terminals.sale' : 'terminals.sales', { count: line.count });
    const sold = line.state === 'revoked' ? `${count} · ${say('state.revoked')}` : count;
    row.dataset.terminal = line.id;
    row.querySelector('.conn')?.setAttribute('data-state', line.state);
    set(row, 'state-name', say(`state.${line.state}`));
    set(row, 'name', line.name);
    set(row, 'count', line.count ? sold : say(`state.${line.state}`));
    set(row, 'sales', format.money(line.sales));
    return row;
  });
  list.replaceChildren(...rows);
  hide('terminals-empty', lines.length > 0);
}

/**
 * @param {string} id
 * @param {number} minor
 * @param {string} text
 */
function show(id, minor, text) {
  const element = document.getElementById(id);
  if (!element) return;
  element.dataset.minor = String(minor);
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {string} id
 * @param {boolean} hidden
 */
function hide(id, hidden) {
  const element = document.getElementById(id);
  if (element) element.hidden = hidden;
}
