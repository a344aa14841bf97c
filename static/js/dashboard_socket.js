/**
 * The dashboard's connection: keeps one socket open, says how it stands, and asks for everything after the last
 * cursor whenever it begins anew, so nothing is missed. It knows nothing of totals or pages.
 *
 * A socket can be dead without anybody noticing (a phone that changed networks, a server that lost power), so after a
 * while without a message a fresh connection takes the old one's place; if it comes up in time, nobody sees it.
 */

export const RETRY_FIRST_MS = 500;
export const RETRY_MAX_MS = 30_000;
/** Tries without an answer until the page says "offline" instead of "reconnecting". */
const OFFLINE_AFTER_TRIES = 4;
const ANSWER_WITHIN_MS = 10_000;
const SILENCE_MAX_MS = 60_000;
const RENEWAL_UNSEEN_MS = 3_000;
/** A connection that held for so long counts as a success; one that broke earlier goes on with the next try. */
const HELD_MS = 5_000;
const CLOSE_UNAUTHORISED = 4401;

/**
 * How long to wait before the given try (1 is the first after a loss): exponential with full jitter, so that a
 * server that restarts is not met by every dashboard at once.
 * @param {number} attempt
 * @param {number} jitter from 0 to 1
 */
export function retryDelay(attempt, jitter) {
  return jitter * Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(attempt, 10));
}

export class DashboardSocket {
  /** @type {WebSocket | null} */
  #socket = null;
  #attempt = 0;
  /** When this connection brought its first message, by `performance.now()`; null: nothing yet. */
  /** @type {number | null} */
  #answered_at = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #watch;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #unseen;

  /**
   * @param {object} options
   * @param {string} options.url absolute, without a query
   * @param {() => number | null} options.cursor of the last event that was applied
   * @param {(message: {type: string}) => boolean} options.onMessage false: something is missing, begin anew
   * @param {(state: ConnectionState) => void} options.onState
   */
  constructor({ url, cursor, onMessage, onState }) {
    this.url = url;
    this.cursor = cursor;
    this.onMessage = onMessage;
    this.onState = onState;
    addEventListener('online', () => this.renew());
    addEventListener('offline', () => this.#closed(0));
    addEventListener('pageshow', (event) => event.persisted && this.renew());
  }

  start() {
    this.#open();
  }

  /** Begin anew at once, after the last cursor. What is on the page stays; a short renewal is not shown. */
  renew() {
    this.#attempt = 0;
    clearTimeout(this.#unseen);
    this.#unseen = setTimeout(() => this.#answered_at ?? this.onState(this.#lostState()), RENEWAL_UNSEEN_MS);
    this.#open();
  }

  #open() {
    this.#drop();
    const cursor = this.cursor();
    const socket = new WebSocket(cursor === null ? this.url : `${this.url}?after=${cursor}`);
    this.#socket = socket;
    this.#answered_at = null;
    // What an abandoned socket still says is not heard: its successor asks for it again.
    socket.addEventListener('message', (event) => socket === this.#socket && this.#received(String(event.data)));
    socket.addEventListener('close', (event) => socket === this.#socket && this.#closed(event.code));
    this.#expectWithin(ANSWER_WITHIN_MS, () => this.#closed(0));
  }

  /** @param {string} data */
  #received(data) {
    /** @type {{type: string}} */
    const message = JSON.parse(data);
    if (message.type === 'error') return;
    this.#expectWithin(SILENCE_MAX_MS * (1 + Math.random() / 4), () => this.renew());
    if (!this.onMessage(message)) {
      this.#closed(0);
      return;
    }
    if (this.#answered_at === null) {
      this.#answered_at = performance.now();
      clearTimeout(this.#unseen);
      this.onState('live');
    }
  }

  /** @param {number} code */
  #closed(code) {
    this.#drop();
    clearTimeout(this.#unseen);
    if (code === CLOSE_UNAUTHORISED) {
      this.onState('signed_out');
      return;
    }
    const held = this.#answered_at !== null && performance.now() - this.#answered_at > HELD_MS;
    this.#answered_at = null;
    this.#attempt = held ? 1 : this.#attempt + 1;
    this.onState(this.#lostState());
    this.#retry = setTimeout(() => this.#open(), retryDelay(this.#attempt, Math.random()));
  }

  /** @returns {ConnectionState} */
  #lostState() {
    return navigator.onLine === false || this.#attempt >= OFFLINE_AFTER_TRIES ? 'offline' : 'reconnecting';
  }

  /**
   * @param {number} milliseconds
   * @param {() => void} otherwise
   */
  #expectWithin(milliseconds, otherwise) {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(otherwise, milliseconds);
  }

  /** Let go of the socket without hearing of its end. */
  #drop() {
    clearTimeout(this.#retry);
    clearTimeout(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}
