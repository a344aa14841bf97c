/**
 * The line to the server: connects, proves the terminal's key, and connects again after every loss, each time a little
 * later and never in step with other phones. It carries messages and decides nothing; what must be sent again after a
 * reconnect is known by sale.js, which hears of every `ready`.
 */

const FIRST_RETRY_MS = 400;
const RETRY_MAX_MS = 15_000;
/** From opening the socket to `ready`. */
const READY_WITHIN_MS = 10_000;
const CLOSED_UNAUTHORISED = 4401;

/** @typedef {'closed' | 'connecting' | 'ready' | 'reconnecting' | 'offline' | 'unauthorised'} LineState */

/**
 * @typedef {object} LineHandlers
 * @property {(nonce: string) => Promise<{terminal: string, signature: string}>} prove
 * @property {(message: ServerMessage) => void} onMessage everything but the handshake's `challenge`
 * @property {(state: LineState) => void} onState
 * @property {(reason: string | undefined) => void} onUnauthorised the server closed for good: signed out, or no longer a
 *   terminal (then it says why)
 * @property {() => void} onRefused the socket was not even opened, for the second time in a row
 */

export class Line {
  /**
   * @param {string} path
   * @param {LineHandlers} handlers
   */
  constructor(path, handlers) {
    this.url = new URL(path, location.href);
    this.url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    this.handlers = handlers;
    /** @type {LineState} */
    this.state = 'closed';
    /** @type {WebSocket | null} */
    this.socket = null;
    this.failures = 0;
    this.wasReady = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    window.addEventListener('online', () => { if (this.#wanted()) this.reconnect(); });
    window.addEventListener('offline', () => { if (this.#wanted()) this.#lost(true); });
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && (this.state === 'reconnecting' || this.state === 'offline')) this.reconnect();
    });
  }

  open() {
    if (this.state === 'closed' || this.state === 'unauthorised') this.#connect();
  }

  close() {
    this.#drop();
    this.#enter('closed');
  }

  /** Drop what there is, be it alive or not, and connect at once. */
  reconnect() {
    this.#drop();
    this.#connect();
  }

  /** @param {ClientMessage} message @returns {boolean} false when there is no line to send it on */
  send(message) {
    if (this.state !== 'ready' || this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  #wanted() {
    return this.state !== 'closed' && this.state !== 'unauthorised';
  }

  #connect() {
    this.#enter(this.wasReady || this.failures ? 'reconnecting' : 'connecting');
    const socket = new WebSocket(this.url);
    this.socket = socket;
    let challenged = false;
    this.timer = setTimeout(() => this.#lost(true), READY_WITHIN_MS);
    socket.onmessage = async ({ data }) => {
      const message = decode(data);
      if (!message || socket !== this.socket) return;
      if (message.type === 'challenge') {
        challenged = true;
        const proof = await this.handlers.prove(message.nonce);
        if (socket === this.socket) socket.send(JSON.stringify({ type: 'hello', ...proof }));
        return;
      }
      if (message.type === 'ready') {
        clearTimeout(this.timer);
        this.failures = 0;
        this.wasReady = true;
        this.#enter('ready');
      }
      if (message.type === 'error' && message.code === 'unauthorised') return this.#refuse(message.reason);
      this.handlers.onMessage(message);
    };
    socket.onclose = ({ code }) => {
      if (socket !== this.socket) return;
      if (code === CLOSED_UNAUTHORISED) return this.#refuse(undefined);
      this.#lost(challenged);
    };
  }

  /** @param {boolean} wasServed whether a server was there at all */
  #lost(wasServed) {
    this.#drop();
    this.failures += 1;
    this.#enter(navigator.onLine ? 'reconnecting' : 'offline');
    if (!wasServed && this.failures >= 2) this.handlers.onRefused();
    const longest = Math.min(RETRY_MAX_MS, FIRST_RETRY_MS * 2 ** (this.failures - 1));
    this.timer = setTimeout(() => this.#connect(), longest * (0.5 + Math.random() / 2));
  }

  /** @param {string | undefined} reason */
  #refuse(reason) {
    this.#drop();
    this.#enter('unauthorised');
    this.handlers.onUnauthorised(reason);
  }

  #drop() {
    clearTimeout(this.timer);
    const { socket } = this;
    this.socket = null; // its late events are nobody's
    socket?.close();
  }

  /** @param {LineState} state */
  #enter(state) {
    if (state === this.state) return;
    this.state = state;
    this.handlers.onState(state);
  }
}

/**
 * @param {unknown} data
 * @returns {ServerMessage | null}
 */
function decode(data) {
  try {
    const message = JSON.parse(String(data));
    return typeof message?.type === 'string' ? message : null;
  } catch {
    return null;
  }
}
