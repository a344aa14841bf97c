/**
 * The phone's NFC through NDEFReader: keeps one scan armed while the page is shown and hands on what a card said.
 * It never interprets a record and never writes: writing would format a blank card. Scans get lost in silence
 * (NFC switched off and on, permission revoked), so it probes while idle and arms again on every sign of life.
 */

const PROBE_EVERY_MS = 15_000;
/** Chrome does not re-arm sooner after an abort. */
const REARM_AFTER_MS = 650;
/** One physical tap may fire several readings, each with another valid counter. */
const SAME_CARD_MS = 2_000;

/** @typedef {'unsupported' | 'prompt' | 'denied' | 'off' | 'arming' | 'armed'} NfcState */

/**
 * @typedef {object} NfcHandlers
 * @property {(state: NfcState) => void} onState
 * @property {(reading: CardReading) => boolean} onTap returns whether the tap was used
 * @property {() => void} onReadError a card that could not be read: torn away, or a bank card
 * @property {() => boolean} isIdle whether a probe may disturb the radio now
 */

export class Nfc {
  /** @param {NfcHandlers} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    /** @type {NfcState} */
    this.state = 'arming';
    /** @type {AbortController | null} */
    this.scan = null;
    /** @type {Promise<void> | null} */
    this.working = null;
    this.started = false;
    /** @type {{serial: string, at: number}} */
    this.last = { serial: '', at: -Infinity };
  }

  /** Begin; asks for nothing while the permission would need a touch. Call once. */
  async start() {
    if (this.started) return;
    this.started = true;
    if (typeof NDEFReader === 'undefined') return this.#enter('unsupported');
    document.addEventListener('visibilitychange', () => { if (!document.hidden) void this.rearm(); });
    window.addEventListener('focus', () => void this.rearm());
    window.addEventListener('pageshow', (event) => { if (event.persisted) void this.rearm(); });
    setInterval(() => void this.probe(), PROBE_EVERY_MS);
    const permission = await queryPermission();
    permission?.addEventListener('change', () => void this.rearm());
    if (permission?.state === 'prompt') return this.#enter('prompt');
    return this.rearm();
  }

  /** To be called from a touch or a key press: the moment at which the browser lets a page ask for the permission. */
  async armFromGesture() {
    if (typeof NDEFReader === 'undefined' || this.state === 'armed') return;
    await this.#alone(() => this.#arm());
  }

  /** Abort a scan that may be dead and scan again. */
  async rearm() {
    if (typeof NDEFReader === 'undefined' || document.hidden) return;
    await this.#alone(async () => {
      if ((await queryPermission())?.state === 'prompt') return this.#enter('prompt');
      if (this.scan) {
        this.scan.abort();
        this.scan = null;
        await pause(REARM_AFTER_MS);
      }
      await this.#arm();
    });
  }

  /** Ask the radio whether it is there, on a reader of its own, and let go at once. */
  async probe() {
    if (document.hidden || this.working || !this.handlers.isIdle()) return;
    if (this.state !== 'armed' && this.state !== 'off') return;
    await this.#alone(async () => {
      const failure = await tryScan();
      if (failure) {
        this.scan?.abort();
        this.scan = null;
        this.#enter(await stateOf(failure));
      } else if (this.state === 'off') {
        await pause(REARM_AFTER_MS);
        await this.#arm();
      }
    });
  }

  /** @param {() => Promise<void> | void} work One thing at a time: calls that arrive meanwhile share its end. */
  async #alone(work) {
    this.working ??= Promise.resolve(work()).finally(() => { this.working = null; });
    await this.working;
  }

  async #arm() {
    if (typeof NDEFReader === 'undefined') return this.#enter('unsupported');
    const reader = new NDEFReader();
    const scan = new AbortController();
    // Before scan(): a card that already lies there is delivered at once.
    reader.addEventListener('reading', (event) => { if (!scan.signal.aborted) this.#read(event); });
    reader.addEventListener('readingerror', () => { if (!scan.signal.aborted) this.handlers.onReadError(); });
    this.scan = scan;
    try {
      await reader.scan({ signal: scan.signal });
      this.#enter('armed');
    } catch (error) {
      this.scan = null;
      if (!scan.signal.aborted) this.#enter(await stateOf(error));
    }
  }

  /** @param {NDEFReadingEvent} event */
  #read(event) {
    const now = performance.now();
    if (event.serialNumber === this.last.serial && now - this.last.at < SAME_CARD_MS) return;
    const used = this.handlers.onTap({
      serial_number: event.serialNumber,
      records: Array.from(event.message.records, toWire),
    });
    if (used) this.last = { serial: event.serialNumber, at: now };
  }

  /** @param {NfcState} state */
  #enter(state) {
    this.state = state;
    this.handlers.onState(state);
  }
}

/**
 * @param {NDEFRecord} record
 * @returns {WireRecord}
 */
export function toWire(record) {
  const { data } = record;
  return {
    record_type: record.recordType,
    media_type: record.mediaType ?? null,
    encoding: record.encoding ?? null,
    lang: record.lang ?? null,
    id: record.id ?? null,
    data: data ? base64url(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) : null,
  };
}

/** @param {Uint8Array} bytes */
export function base64url(bytes) {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** @returns {Promise<unknown>} why a scan is impossible now, or null */
async function tryScan() {
  if (typeof NDEFReader === 'undefined') return new DOMException('', 'NotSupportedError');
  const probe = new AbortController();
  try {
    await new NDEFReader().scan({ signal: probe.signal });
    return null;
  } catch (error) {
    return error;
  } finally {
    probe.abort();
  }
}

/**
 * @param {unknown} error what scan() rejected with
 * @returns {Promise<NfcState>}
 */
async function stateOf(error) {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotReadableError') return 'off';
  if (name !== 'NotAllowedError') return 'unsupported';
  return (await queryPermission())?.state === 'prompt' ? 'prompt' : 'denied';
}

/** @returns {Promise<PermissionStatus | null>} null where the browser does not know the name */
async function queryPermission() {
  try {
    return await navigator.permissions.query({ name: /** @type {PermissionName} */ ('nfc') });
  } catch {
    return null;
  }
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
