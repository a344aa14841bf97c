/**
 * What the dashboard knows, as a value: `apply(state, message)` gives the next one. No DOM, no socket, no clock.
 * The state reached by applying events is the state a reload would give; a test holds the two together.
 */

/** As many as the server's snapshot has. */
export const RECENT_MAX = 50;
const NO_SALES = { sales: 0, count: 0, fees: 0 };

/**
 * What a message did:
 * `applied`; `duplicate` (known already, ignored); `gap` (something is missing before it: ask again after the cursor,
 * nothing was applied); `unknown` (a message of a later version, ignored).
 * @typedef {'applied' | 'duplicate' | 'gap' | 'unknown'} Effect
 */

/**
 * @param {Snapshot} snapshot
 * @returns {DashboardState}
 */
export function fromSnapshot(snapshot) {
  return {
    cursor: snapshot.cursor,
    today: snapshot.today,
    recent: snapshot.recent.slice(0, RECENT_MAX),
    terminals: snapshot.terminals,
    time_zone: snapshot.merchant.time_zone,
  };
}

/**
 * @param {DashboardState} state
 * @param {DashboardMessage | {type: string}} message
 * @returns {{state: DashboardState, effect: Effect}}
 */
export function apply(state, message) {
  if (isType(message, 'snapshot')) return { state: fromSnapshot(message), effect: 'applied' };
  if (isType(message, 'transaction')) return applyTransaction(state, message);
  if (isType(message, 'terminal')) return { state: withTerminal(state, message.terminal), effect: 'applied' };
  return { state, effect: 'unknown' };
}

/**
 * @param {DashboardState} state
 * @param {DashboardMessage & {type: 'transaction'}} event
 * @returns {{state: DashboardState, effect: Effect}}
 */
function applyTransaction(state, event) {
  if (event.cursor <= state.cursor) return { state, effect: 'duplicate' };
  if (event.cursor > state.cursor + 1) return { state, effect: 'gap' };
  const recent = [event.transaction, ...state.recent].slice(0, RECENT_MAX);
  return { state: { ...state, cursor: event.cursor, today: event.today, recent }, effect: 'applied' };
}

/**
 * @param {DashboardState} state
 * @param {TerminalObject} terminal
 * @returns {DashboardState}
 */
function withTerminal(state, terminal) {
  const known = state.terminals.some(({ id }) => id === terminal.id);
  const terminals = known
    ? state.terminals.map((other) => (other.id === terminal.id ? terminal : other))
    : [...state.terminals, terminal];
  return { ...state, terminals };
}

/**
 * Each terminal with what it sold today, the best first; revoked ones only if they sold.
 * @param {DashboardState} state
 * @returns {(TerminalObject & SalesLine)[]}
 */
export function terminalLines(state) {
  return state.terminals
    .map((terminal) => ({ ...(state.today.by_terminal[terminal.id] ?? NO_SALES), ...terminal }))
    .filter((line) => line.state !== 'revoked' || line.count > 0)
    .sort((one, other) => other.sales - one.sales || (one.name < other.name ? -1 : 1));
}

/**
 * An amount as the merchant feels it: negative where money goes back.
 * @param {TransactionObject} transaction
 */
export function signedAmount({ kind, amount }) {
  return kind === 'refund' || kind === 'void' ? -amount : amount;
}

/**
 * @template {DashboardMessage['type']} T
 * @param {DashboardMessage | {type: string}} message
 * @param {T} type
 * @returns {message is DashboardMessage & {type: T}}
 */
function isType(message, type) {
  return message.type === type;
}
