/**
 * One sale as a pure state machine: `step(state, event)` returns the next state and what is to be done about it.
 * No DOM, no socket, no clock, no randomness: ids, times and jitter come in with the events. It relies on the
 * protocol's "exactly once": the same id sent again gets the stored outcome and never moves money twice.
 *
 *   idle ⇄ entering ──charge──► arming ──present_card──► present_card ──tap──► deciding ──outcome──► result ──next──► idle
 *                                  ▲            ▲  └──────── try_again ◄──────────┘
 *                                  └─ ready ────┴── (after a lost connection or a restart: the same start id again)
 */

import { backToKeypad, canCancel, clean, initialSale, send, startOf, tapOf, withEffects } from './sale_parts.js';
import { message } from './sale_answers.js';

export { canCancel, initialSale } from './sale_parts.js';

/** Without an answer for so long, the connection is taken for dead. */
export const ANSWER_WITHIN_MS = 8_000;
/** After the server's own expiry; it should have told us by then. */
const EXPIRY_GRACE_MS = 3_000;

/** @param {SaleState} state */
export function isSelling(state) {
  return state.sale !== null;
}

/** @param {SaleState} state whether the amount typed can be charged as it stands */
export function canCharge(state) {
  const limits = state.ready?.limits;
  if (!limits || !state.connected || state.sale || state.phase === 'result') return false;
  return state.kind === 'balance' || (state.amount >= limits.amount_min && state.amount <= limits.amount_max);
}

/**
 * @param {SaleState} state
 * @param {SaleEvent} event
 * @returns {Step}
 */
export function step(state, event) {
  switch (event.type) {
    case 'amount': return editing(state, { amount: event.amount, decimals: event.decimals ?? null, kept: false });
    case 'kind': return editing(state, { kind: event.kind });
    case 'note': return editing(state, { note: event.note });
    case 'charge': return canCharge(state) ? charge(state, event.id, event.now) : [state, []];
    case 'retry': return retry(state, event.id, event.now);
    case 'next': return state.phase === 'result' ? [clean(state, initialSale()), []] : [state, []];
    case 'tap': return tap(state, event);
    case 'too_early': return editing(state, {}, 'amount_first');
    case 'read_error': return readError(state);
    case 'cancel': return cancel(state, event.now);
    case 'ready': return ready(state, event);
    case 'lost': return lost(state);
    case 'restore': return [restored(state, event.sale), []];
    case 'tick': return tick(state, event.now);
    case 'message': return message(state, event);
  }
}

/**
 * @param {SaleState} state
 * @param {Partial<Pick<SaleState, 'amount' | 'decimals' | 'kept' | 'kind' | 'note'>>} change
 * @param {string | null} [notice]
 * @returns {Step}
 */
function editing(state, change, notice = null) {
  if (state.phase !== 'idle' && state.phase !== 'entering') return [state, []];
  const next = { ...state, ...change, notice };
  return [{ ...next, phase: next.amount > 0 ? 'entering' : 'idle' }, []];
}

/**
 * @param {SaleState} state
 * @param {string} id
 * @param {number} now
 * @returns {Step}
 */
function charge(state, id, now) {
  const { kind, note } = state;
  const sale = {
    id, kind, note, amount: kind === 'balance' ? 0 : state.amount, currency: state.ready?.limits.currency ?? 'CNY',
    terminal: state.ready?.terminal.id ?? '', started_at: now, tap: null,
  };
  const armed = clean(state, { phase: 'arming', kind, note, amount: state.amount, sale });
  return withEffects([{ do: 'save', sale }], send(armed, startOf(sale), now));
}

/**
 * The same amount with another card: a new sale with an id of its own.
 * @param {SaleState} state
 * @param {string} id
 * @param {number} now
 * @returns {Step}
 */
function retry(state, id, now) {
  if (state.phase !== 'result' || state.result?.result !== 'declined') return [state, []];
  const again = clean(state, { kind: state.kind, amount: state.amount, note: state.note, kept: true, phase: 'entering' });
  return canCharge(again) ? charge(again, id, now) : [again, []];
}

/**
 * @param {SaleState} state
 * @param {{reading: CardReading, tap_id: string, now: number}} event
 * @returns {Step}
 */
function tap(state, { reading, tap_id, now }) {
  const { sale } = state;
  if (!sale) return editing(state, {}, 'amount_first'); // and after a verdict, nothing
  if (sale.tap || state.cancelling) return [state, []];
  // A card that comes while the start is on its way, or while reconnecting, is kept and sent once the server is ready.
  const tapped = { ...sale, tap: { ...reading, tap: tap_id, at: now } };
  /** @type {Effect[]} */
  const saved = [{ do: 'save', sale: tapped }];
  const next = { ...state, sale: tapped, advice: null };
  if (state.phase !== 'present_card' || !state.connected) return [{ ...next, phase: 'deciding' }, saved];
  return withEffects(saved, send({ ...next, phase: 'deciding' }, tapOf(tapped), now));
}

/**
 * @param {SaleState} state
 * @returns {Step}
 */
function readError(state) {
  if (state.phase !== 'present_card' || !state.sale || state.cancelling) return [state, []];
  const next = { ...state, advice: 'read_error' };
  return state.connected ? [next, [{ do: 'send', message: { type: 'read_error', id: state.sale.id } }]] : [next, []];
}

/**
 * @param {SaleState} state
 * @param {number} now
 * @returns {Step}
 */
function cancel(state, now) {
  if (!state.sale || !canCancel(state)) return [state, []];
  // Without a tap no money can have moved, so a lost connection is no reason to keep the cashier waiting.
  if (!state.connected) return backToKeypad(state, 'cancelled');
  return send({ ...state, cancelling: true }, { type: 'cancel', id: state.sale.id }, now);
}

/**
 * @param {SaleState} state
 * @returns {Step}
 */
function lost(state) {
  const alone = { ...state, connected: false, interrupted: state.sale !== null, waiting_since: null, resend_at: null };
  return state.cancelling && state.sale?.tap === null ? backToKeypad(alone, 'cancelled') : [alone, []];
}

/**
 * @param {SaleState} state
 * @param {{ready: Ready, now: number}} event
 * @returns {Step}
 */
function ready(state, { ready: said, now }) {
  const next = { ...state, ready: said, connected: true, busy_count: 0, resend_at: null };
  if (!state.sale) return [next, []];
  if (state.sale.terminal !== said.terminal.id) return backToKeypad(next, 'other_terminal');
  return send({ ...next, phase: state.sale.tap ? 'deciding' : 'arming' }, startOf(state.sale), now);
}

/**
 * @param {SaleState} state
 * @param {PendingSale} sale
 * @returns {SaleState}
 */
function restored(state, sale) {
  const { kind, amount, note } = sale;
  return clean(state, { kind, amount, note, sale, interrupted: true, phase: sale.tap ? 'deciding' : 'arming' });
}

/**
 * @param {SaleState} state
 * @param {number} now
 * @returns {Step}
 */
function tick(state, now) {
  if (!state.sale || !state.connected) return [state, []];
  if (state.resend_at !== null && now >= state.resend_at && state.last_sent) {
    return send({ ...state, resend_at: null }, state.last_sent, now);
  }
  if (state.waiting_since !== null && state.resend_at === null && now - state.waiting_since > ANSWER_WITHIN_MS) {
    return [{ ...state, waiting_since: now }, [{ do: 'reconnect' }]];
  }
  if (state.phase === 'present_card' && state.deadline !== null && now > state.deadline + EXPIRY_GRACE_MS && canCancel(state)) {
    return send({ ...state, cancelling: true }, { type: 'cancel', id: state.sale.id }, now);
  }
  return [state, []];
}

