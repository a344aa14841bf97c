/**
 * The dashboard goes live: starts from what the server painted, applies the socket's messages to the state, and paints
 * at most once per frame. It begins a new day by itself when the business day ends.
 */

import { HourChart } from './dashboard_chart.js';
import { Feed } from './dashboard_feed.js';
import { makeFormat } from './dashboard_format.js';
import { showHours, showTerminals, showTotals } from './dashboard_numbers.js';
import { DashboardSocket } from './dashboard_socket.js';
import { apply, fromSnapshot } from './dashboard_state.js';
import { loadMessages } from './i18n.js';

/** A clock that is wrong must not make the page ask for the new day in a loop. */
const NEW_DAY_WAIT_MIN_MS = 30_000;
const NEW_DAY_SPREAD_MS = 3_000;
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

const say = loadMessages('dashboard-messages');
/** @type {Snapshot} */
const painted = JSON.parse(byId('dashboard-snapshot').textContent ?? '');

let state = fromSnapshot(painted);
let last_data_at = new Date();
/** @type {Set<string>} */
const fresh = new Set();
let frame_asked = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let new_day;

const format = makeFormat(state.today.currency, state.time_zone);
const feed = new Feed(
  byId('feed'), /** @type {HTMLTemplateElement} */ (byId('feed-row')), byId('announcer'), say,
);
const chart_host = byId('chart');
chart_host.hidden = false;
const chart = new HourChart(chart_host, {
  money: format.moneyShort,
  describe: ({ hour, sales, count }) => [
    say('chart.tooltip', { from: format.hour(hour), to: format.hour(hour + 1) }),
    format.money(sales),
    say(count === 1 ? 'chart.sale' : 'chart.sales', { count }),
  ],
});
const socket = new DashboardSocket({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws/dashboard/`,
  cursor: () => state.cursor,
  onMessage: receive,
  onState: showConnection,
});

showConnection('reconnecting', 'connection.connecting');
paint();
planNewDay();
socket.start();
document.addEventListener('visibilitychange', () => document.hidden || planNewDay());

/**
 * @param {{type: string}} message
 * @returns {boolean} whether it fitted; false: something is missing before it
 */
function receive(message) {
  const known = new Set(state.recent.map(({ id }) => id));
  const { state: next, effect } = apply(state, message);
  if (effect === 'gap') return false;
  last_data_at = new Date();
  if (effect !== 'applied') return true;
  const day_before = state.today.ends_at;
  state = next;
  if (message.type !== 'terminal') for (const { id } of state.recent) if (!known.has(id)) fresh.add(id);
  if (message.type === 'snapshot' || state.today.ends_at !== day_before) planNewDay();
  askFrame();
  return true;
}

/** However many events come at once, the page is painted once; also in a tab nobody looks at. */
function askFrame() {
  if (frame_asked) return;
  frame_asked = true;
  if (document.hidden) setTimeout(paint, 250);
  else requestAnimationFrame(paint);
}

function paint() {
  frame_asked = false;
  showTotals(state.today, format);
  showHours(state.today, format);
  showTerminals(state, format, say);
  feed.render(state.recent, state.today.business_date, format, fresh);
  chart.draw(state.today.by_hour);
  fresh.clear();
}

/** When the business day ends, a new snapshot begins the next; spread, so that not all dashboards ask at once. */
function planNewDay() {
  clearTimeout(new_day);
  const left = Date.parse(state.today.ends_at) - Date.now();
  const wait = Math.max(left, NEW_DAY_WAIT_MIN_MS) + Math.random() * NEW_DAY_SPREAD_MS;
  new_day = setTimeout(() => socket.renew(), Math.min(wait, TIMEOUT_MAX_MS));
}

/**
 * @param {ConnectionState} connection
 * @param {string} [key] of the sentence, when it is not the state's own
 */
function showConnection(connection, key = `connection.${connection}`) {
  const element = byId('connection');
  element.dataset.state = connection === 'signed_out' ? 'offline' : connection;
  const text = element.querySelector('[data-text]');
  if (text) text.textContent = say(key, { time: format.clock(last_data_at) });
  const sign_in = element.querySelector('[data-sign-in]');
  if (sign_in instanceof HTMLElement) sign_in.hidden = connection !== 'signed_out';
}

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page lacks #${id}`);
  return element;
}
