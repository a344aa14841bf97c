/**
 * Draws the state of a sale on the page; reads nothing back and decides nothing. Safe to call as often as one likes:
 * it touches only what changed, so that screen readers are not told the same twice.
 */

import { formatTime } from './i18n.js';
import { exponent, formatMoney } from './money.js';
import { readSetting } from './pending.js';
import { canCancel, canCharge } from './sale.js';

const LONG_AMOUNT = 9;

/** @typedef {(key: string, values?: Record<string, string | number>) => string} Translate */

/**
 * @typedef {object} Surroundings
 * @property {Translate} t
 * @property {'loading' | 'enrol' | 'sale'} mode
 * @property {boolean} canRead the phone's own NFC is armed
 * @property {boolean} hasDeck virtual cards are there
 * @property {number} now
 */

/** @param {string} id */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}`);
  return element;
}

/** @param {SaleState} state @param {Surroundings} around */
export function draw(state, around) {
  const view = around.mode !== 'sale' ? around.mode : viewOf(state.phase);
  const main = byId('main');
  const changed = main.dataset.view !== view;
  main.dataset.view = view;
  main.dataset.phase = state.phase;
  main.dataset.deck = around.hasDeck ? 'yes' : 'no';
  for (const section of document.querySelectorAll('[data-section]')) {
    if (section instanceof HTMLElement) section.hidden = section.dataset.section !== view;
  }
  if (view === 'entry') drawEntry(state, around.t);
  if (view === 'present') drawPresent(state, around);
  if (view === 'result') drawResult(state, around.t);
  if (changed) moveFocus(view);
}

/** @param {Phase} phase */
function viewOf(phase) {
  if (phase === 'idle' || phase === 'entering') return 'entry';
  return phase === 'result' ? 'result' : 'present';
}

/** @param {string} view */
function moveFocus(view) {
  const target = { present: 'present-title', result: 'next', enrol: 'enrol-title', entry: 'main' }[view];
  if (target) byId(target).focus({ preventScroll: true });
}

/** @param {SaleState} state @param {Translate} t */
function drawEntry(state, t) {
  const { kind, amount } = state;
  const balance = kind === 'balance';
  const limits = state.ready?.limits;
  byId('entry').dataset.kind = kind;
  for (const input of document.querySelectorAll('#kinds input')) {
    if (!(input instanceof HTMLInputElement)) continue;
    input.checked = input.value === kind;
    if (input.parentElement) input.parentElement.hidden = limits ? !limits.kinds.includes(input.value) : false;
  }
  const shown = money(amount, currencyOf(state));
  sum('amount', balance ? '' : shown);
  byId('amount').classList.toggle('is-empty', amount === 0);
  byId('amount').classList.toggle('is-kept', state.kept);
  for (const button of document.querySelectorAll('#keypad button')) {
    if (button instanceof HTMLButtonElement) button.disabled = balance;
  }
  const hint = hintFor(state, t);
  text('hint', hint.words);
  byId('hint').dataset.tone = hint.tone;
  byId('note-open').hidden = balance;
  text('note-open', state.note ? t('note_shown', { note: state.note }) : t('note_add'));
  const charge = /** @type {HTMLButtonElement} */ (byId('charge'));
  charge.disabled = !canCharge(state);
  text('charge', chargeLabel(state, shown, t));
}

/** @param {SaleState} state @param {string} shown @param {Translate} t */
function chargeLabel(state, shown, t) {
  if (!state.connected) return t('charge_no_line');
  if (state.kind !== 'balance' && state.amount === 0) return t('charge_nothing');
  return t(`charge_${state.kind}`, { amount: shown });
}

/** @param {SaleState} state @param {Translate} t @returns {{words: string, tone: string}} */
function hintFor(state, t) {
  const limits = state.ready?.limits;
  if (state.notice) return { words: t(`notice_${state.notice}`), tone: state.notice === 'cancelled' ? '' : 'warn' };
  if (state.kind === 'balance') return { words: t('hint_balance'), tone: '' };
  if (state.amount === 0 && exponent(currencyOf(state)) === 2) return { words: t('hint_cents'), tone: '' };
  if (!limits || state.amount === 0) return { words: '', tone: '' };
  if (state.amount > limits.amount_max) return { words: t('hint_max', { amount: money(limits.amount_max, limits.currency) }), tone: 'warn' };
  if (state.amount < limits.amount_min) return { words: t('hint_min', { amount: money(limits.amount_min, limits.currency) }), tone: 'warn' };
  return { words: '', tone: '' };
}

/** The press that would go beyond the limit: shake, and say why. @param {SaleState} state @param {Translate} t */
export function drawRefusedKey(state, t) {
  const limits = state.ready?.limits;
  const amount = byId('amount');
  amount.classList.remove('is-refused');
  void amount.offsetWidth; // so that the same animation starts again
  amount.classList.add('is-refused');
  if (!limits) return;
  text('hint', t('hint_max', { amount: money(limits.amount_max, limits.currency) }));
  byId('hint').dataset.tone = 'warn';
}

/** @param {SaleState} state @param {Surroundings} around */
function drawPresent(state, { t, canRead, hasDeck, now }) {
  const { sale } = state;
  if (!sale) return;
  const present = byId('present');
  present.dataset.phase = state.phase;
  text('present-kind', t(`kind_${sale.kind}`));
  sum('present-amount', sale.kind === 'balance' ? '' : money(sale.amount, sale.currency));
  const { mood, title, help } = presentWords(state, canRead, hasDeck);
  present.dataset.mood = mood;
  text('present-title', t(title));
  text('present-help', help ? t(help) : '');
  const advice = byId('advice');
  advice.hidden = state.advice === null || state.phase !== 'present_card';
  if (state.advice) text('advice', adviceWords(state.advice, t));
  const cancel = /** @type {HTMLButtonElement} */ (byId('cancel'));
  cancel.hidden = !canCancel(state);
  drawCountdown(state, t, now);
}

/** @param {SaleState} state @param {boolean} canRead @param {boolean} hasDeck @returns {{mood: string, title: string, help: string}} */
function presentWords(state, canRead, hasDeck) {
  if (state.sale?.tap && (state.interrupted || !state.connected)) return { mood: 'checking', title: 'present_checking', help: 'present_checking_help' };
  if (!state.connected) return { mood: 'checking', title: 'present_lost', help: 'present_lost_help' };
  if (state.cancelling) return { mood: 'working', title: 'present_cancelling', help: '' };
  if (state.phase === 'deciding') return { mood: 'working', title: 'present_deciding', help: 'present_deciding_help' };
  const help = canRead ? 'present_help_nfc' : hasDeck ? 'present_help_deck' : 'present_help_none';
  return { mood: 'waiting', title: state.phase === 'arming' ? 'present_arming' : 'present_card', help };
}

/** @param {string} advice @param {Translate} t */
function adviceWords(advice, t) {
  const key = `advice_${advice}`;
  const words = t(key);
  return words === key ? t('advice_read_error') : words;
}

/** @param {SaleState} state @param {Translate} t @param {number} now */
function drawCountdown(state, t, now) {
  const left_s = state.deadline === null ? null : Math.max(0, Math.ceil((state.deadline - now) / 1000));
  const shown = left_s !== null && state.phase === 'present_card' && state.connected && !state.cancelling;
  text('countdown', shown ? t('countdown', { time: `${Math.floor(left_s / 60)}:${String(left_s % 60).padStart(2, '0')}` }) : '');
}

/** @param {SaleState} state @param {Translate} t */
function drawResult(state, t) {
  if (!state.result) return;
  const { result, kind, outcome } = state.result;
  const currency = outcome.currency ?? currencyOf(state);
  const approved = result === 'approved';
  const section = byId('result');
  section.dataset.result = result;
  section.dataset.kind = kind;
  section.dataset.reason = outcome.reason ?? '';
  text('result-title', resultTitle(state.result, t));
  const balanceOnly = kind === 'balance' && approved;
  const big = balanceOnly ? outcome.balance : outcome.amount || state.amount || undefined;
  sum('result-amount', big === undefined || (kind === 'balance' && !approved) ? '' : money(big, currency));
  text('result-message', approved ? '' : outcome.message ?? '');
  /** @type {Record<string, string | undefined>} */
  const facts = {
    fee: kind === 'purchase' ? optionalMoney(outcome.fee, currency) : undefined,
    net: kind === 'purchase' ? optionalMoney(outcome.net, currency) : undefined,
    card: outcome.card ?? undefined,
    balance: balanceOnly ? undefined : optionalMoney(outcome.balance, currency),
    time: outcome.approved_at ? formatTime(outcome.approved_at, state.ready?.merchant.time_zone) : undefined,
    transaction: outcome.transaction,
    code: approved ? undefined : outcome.response_code,
  };
  for (const [name, value] of Object.entries(facts)) {
    const cell = byId(`result-${name}`);
    text(cell.id, value ?? '');
    if (cell.parentElement) cell.parentElement.hidden = value === undefined;
  }
  byId('result-facts').hidden = Object.values(facts).every((value) => value === undefined);
  const receipt = /** @type {HTMLAnchorElement} */ (byId('receipt'));
  const link = approved && outcome.receipt_url ? sameOrigin(outcome.receipt_url) : null;
  receipt.hidden = link === null;
  if (link) receipt.href = link;
  byId('retry').hidden = approved || outcome.reason === 'terminal_revoked' || outcome.reason === 'invalid_amount';
}

/** @param {Result} result @param {Translate} t */
export function resultTitle({ result, kind, outcome }, t) {
  if (result === 'approved') return t(`approved_${kind}`);
  return t(outcome.reason === 'refused' ? 'refused_title' : 'declined_title');
}

/** What a screen reader says at once. @param {Result} result @param {string} currency @param {Translate} t */
export function resultSentence(result, currency, t) {
  const { outcome, kind } = result;
  const amount = kind === 'balance' ? outcome.balance : outcome.amount;
  return [
    resultTitle(result, t),
    amount === undefined ? '' : formatMoney(amount, outcome.currency ?? currency),
    result.result === 'declined' ? outcome.message ?? '' : '',
  ].filter(Boolean).join(' ');
}

/** @param {string} address @returns {string | null} never anywhere but to this server */
function sameOrigin(address) {
  const url = new URL(address, location.origin);
  return url.origin === location.origin ? url.href : null;
}

/** @param {SaleState} state */
export function currencyOf(state) {
  return state.ready?.limits.currency ?? readSetting('currency', 'CNY');
}

/** @param {number} minor @param {string} currency */
function money(minor, currency) {
  return formatMoney(minor, currency);
}

/** @param {number | undefined} minor @param {string} currency */
function optionalMoney(minor, currency) {
  return minor === undefined || minor === null ? undefined : formatMoney(minor, currency);
}

/** @param {string} id @param {string} words */
export function text(id, words) {
  const element = byId(id);
  if (element.textContent !== words) element.textContent = words;
}

/** An amount in large type, smaller when it is long. @param {string} id @param {string} words */
function sum(id, words) {
  text(id, words);
  byId(id).dataset.length = words.length > LONG_AMOUNT ? 'long' : 'short';
}
