/** What each answer of the server does to the sale at hand. Pure, as sale.js is; only an outcome ends a sale whose card was sent. */

import { backToKeypad, clean, send, startOf, tapOf } from './sale_parts.js';

/** A tap older than this is never sent: the customer is gone, so the sale is cancelled instead. */
export const TAP_FRESH_MS = 120_000;
const BUSY_STEP_MS = 250;
const BUSY_MAX_MS = 4_000;
const RESTARTS_MAX = 3;

/**
 * @param {SaleState} state
 * @param {{message: ServerMessage, now: number, jitter: number}} event
 * @returns {Step}
 */
export function message(state, { message: said, now, jitter }) {
  if (!state.sale) return [state, []];
  if (said.type === 'error') return refused(state, said, now, jitter);
  if ((said.type !== 'present_card' && said.type !== 'outcome') || said.id !== state.sale.id) return [state, []];
  const heard = { ...state, waiting_since: null, resend_at: null, busy_count: 0 };
  return said.type === 'outcome' ? decided(heard, said, now) : presenting(heard, said.expires_in, now);
}

/**
 * The server is waiting for a card, so nothing was decided for this id yet.
 * @param {SaleState} state
 * @param {number} expires_in seconds
 * @param {number} now
 * @returns {Step}
 */
function presenting(state, expires_in, now) {
  const sale = /** @type {PendingSale} */ (state.sale);
  if (state.cancelling && !state.interrupted) return [state, []]; // the cancel is on its way already
  const since = sale.tap ? sale.tap.at : sale.started_at;
  const armed = { ...state, deadline: now + expires_in * 1000 };
  if (state.cancelling || (state.interrupted && now - since > TAP_FRESH_MS)) {
    return send({ ...armed, cancelling: true }, { type: 'cancel', id: sale.id }, now);
  }
  if (sale.tap) return send({ ...armed, phase: 'deciding' }, tapOf(sale), now);
  return [{ ...armed, phase: 'present_card', interrupted: false }, []];
}

/**
 * @param {SaleState} state
 * @param {Outcome} outcome
 * @param {number} now
 * @returns {Step}
 */
function decided(state, outcome, now) {
  const sale = /** @type {PendingSale} */ (state.sale);
  switch (outcome.result) {
    case 'approved':
    case 'declined': {
      const kind = outcome.kind ?? sale.kind;
      const result = { result: outcome.result, kind, outcome };
      const shown = clean(state, { phase: 'result', kind, note: sale.note, amount: sale.amount, result });
      return [shown, [{ do: 'forget' }, { do: 'announce', outcome }]];
    }
    case 'try_again': {
      const fresh = { ...sale, tap: null };
      const again = { ...state, sale: fresh, phase: /** @type {Phase} */ ('present_card'), interrupted: false };
      return [{ ...again, advice: outcome.reason ?? 'read_error' }, [{ do: 'save', sale: fresh }, { do: 'announce', outcome }]];
    }
    case 'cancelled':
      if (state.interrupted && sale.tap) return backToKeypad(state, 'not_charged');
      return backToKeypad(state, outcome.reason === 'expired' ? 'expired' : 'cancelled');
    case 'pin_required': // Asked for by programmes that this page cannot serve yet: give the sale up in good order.
      return send({ ...state, cancelling: true }, { type: 'cancel', id: sale.id }, now);
  }
}

/**
 * The message itself was refused; nothing was decided by that.
 * @param {SaleState} state
 * @param {ProtocolError} error
 * @param {number} now
 * @param {number} jitter 0 to 1
 * @returns {Step}
 */
function refused(state, error, now, jitter) {
  const sale = /** @type {PendingSale} */ (state.sale);
  if (error.id !== undefined && error.id !== sale.id) return [state, []];
  switch (error.code) {
    case 'unauthorised':
    case 'not_ready':
      return [state, []]; // the connection's own business: it starts anew, and `ready` takes the sale up again
    case 'busy':
      return later(state, now, jitter);
    case 'not_armed':
      if (state.cancelling) return backToKeypad(state, 'cancelled');
      if (state.restarts < RESTARTS_MAX) return send({ ...state, restarts: state.restarts + 1 }, startOf(sale), now);
      break;
    case 'too_large':
    case 'malformed':
    case 'invalid_message': // What this card said is no message: it is not a card of ours.
      if (sale.tap) return decided(state, { type: 'outcome', id: sale.id, result: 'try_again', reason: 'unsupported_card' }, now);
      break;
    case 'id_reused':
    case 'unknown_message':
      break;
    default: // Not in the protocol. Once a card was sent, only an outcome may end the sale.
      if (sale.tap) return later(state, now, jitter);
  }
  const outcome = { type: /** @type {const} */ ('outcome'), id: sale.id, result: /** @type {const} */ ('declined'), reason: 'refused', message: error.message };
  return decided(state, outcome, now);
}

/**
 * The same message again, a little later each time and not in step with the other terminals.
 * @param {SaleState} state
 * @param {number} now
 * @param {number} jitter
 * @returns {Step}
 */
function later(state, now, jitter) {
  const wait = Math.min(BUSY_MAX_MS, BUSY_STEP_MS * 2 ** state.busy_count) * (0.5 + jitter / 2);
  return [{ ...state, busy_count: state.busy_count + 1, resend_at: now + wait }, []];
}
