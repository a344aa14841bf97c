/** What both halves of the sale (sale.js, sale_answers.js) are made of: the blank state, and the steps they share. */

/** @returns {SaleState} */
export function initialSale() {
  return {
    phase: 'idle', kind: 'purchase', amount: 0, decimals: null, kept: false, note: '', ready: null, connected: false,
    sale: null, interrupted: false, cancelling: false, advice: null, result: null, notice: null, deadline: null,
    waiting_since: null, last_sent: null, resend_at: null, busy_count: 0, restarts: 0,
  };
}

/** @param {SaleState} state whether the sale can still be called off: not once a card was sent */
export function canCancel(state) {
  return state.sale !== null && state.sale.tap === null && !state.cancelling;
}

/**
 * @param {SaleState} state
 * @param {string} notice
 * @returns {Step}
 */
export function backToKeypad(state, notice) {
  const { kind, amount, note } = state;
  return [clean(state, { kind, amount, note, notice, kept: amount > 0, phase: amount > 0 ? 'entering' : 'idle' }), [{ do: 'forget' }]];
}

/**
 * A fresh sheet that keeps what belongs to the connection.
 * @param {SaleState} state
 * @param {Partial<SaleState>} change
 * @returns {SaleState}
 */
export function clean(state, change) {
  return { ...initialSale(), ...change, ready: state.ready, connected: state.connected };
}

/**
 * @param {SaleState} state
 * @param {ClientMessage} sent
 * @param {number} now
 * @returns {Step}
 */
export function send(state, sent, now) {
  return [{ ...state, last_sent: sent, waiting_since: now }, [{ do: 'send', message: sent }]];
}

/**
 * @param {Effect[]} first
 * @param {Step} then
 * @returns {Step}
 */
export function withEffects(first, [state, effects]) {
  return [state, [...first, ...effects]];
}

/**
 * @param {PendingSale} sale
 * @returns {ClientMessage}
 */
export function startOf({ id, kind, amount, currency, note }) {
  return { type: 'start', id, kind, amount, currency, ...(note ? { note } : {}) };
}

/**
 * @param {PendingSale} sale
 * @returns {ClientMessage}
 */
export function tapOf({ id, tap: reading }) {
  const { tap: tap_id, serial_number, records } = /** @type {NonNullable<PendingSale['tap']>} */ (reading);
  return { type: 'tap', id, tap: tap_id, serial_number, records };
}
