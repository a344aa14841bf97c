/**
 * The terminal's page: wires the phone's NFC, the line to the server, the sale and the screen. Each of them is a module
 * that knows nothing of the others; here events go in and effects come out. Nothing about money is decided here.
 */

import { afterKey } from './amount.js';
import { csrfToken, standing } from './api.js';
import { explainUnsupported, nameThisDevice, showBanner, showLineBanner, showNfcBanner } from './banners.js';
import { Deck } from './deck.js';
import { wireEnrolment } from './enrolment.js';
import { loadMessages } from './i18n.js';
import { loadIdentity, signNonce } from './identity.js';
import { listenToKeyboard, listenToKeypad } from './keypad.js';
import { exponent } from './money.js';
import { base64url, Nfc } from './nfc.js';
import { installServiceWorker } from './offline.js';
import { takeOver } from './one_window.js';
import { forgetPending, loadPending, savePending, writeSetting } from './pending.js';
import { remember } from './recent.js';
import { canCharge, initialSale, isSelling, step } from './sale.js';
import { Line } from './socket.js';
import { playTone, unlockSound, vibrate } from './sound.js';
import { byId, currencyOf, draw, drawRefusedKey, resultSentence, text } from './view.js';
import { setVoice, speakOutcome, voiceIsOn } from './voice.js';
import { stayAwake } from './wakelock.js';

const TICK_MS = 250;
const UNREACHABLE_RETRY_MS = 2_000;
/** Until the server has said its limit, no more than this can be typed. */
const AMOUNT_MAX_UNKNOWN = 99_999_999;

/** @type {{socket: string, page: string, service_worker: string, demo: boolean}} */
const settings = JSON.parse(byId('terminal-settings').textContent ?? '{}');
const t = loadMessages('terminal-messages');

let state = initialSale();
/** @type {import('./identity.js').Identity | null} */
let identity = null;
/** @type {'loading' | 'enrol' | 'sale'} */
let mode = 'loading';
let hasDeck = false;

/** @param {SaleEvent} event */
function dispatch(event) {
  const [next, effects] = step(state, event);
  state = next;
  effects.forEach(perform);
  redraw();
}

/** @param {Effect} effect */
function perform(effect) {
  switch (effect.do) {
    case 'send': return void line.send(effect.message);
    case 'save': return savePending(effect.sale);
    case 'forget': return forgetPending();
    case 'reconnect': return line.reconnect();
    case 'announce': return announce(effect.outcome);
  }
}

/** @param {Outcome} outcome */
function announce(outcome) {
  const { result } = outcome;
  if (result !== 'approved' && result !== 'declined' && result !== 'try_again') return;
  playTone(result);
  vibrate(result);
  speakOutcome(outcome, t);
  if (!state.result) return;
  text('announcement', resultSentence(state.result, currencyOf(state), t));
  remember(state.result, state.ready, t);
  void deck?.refresh();
}

function redraw() {
  draw(state, { t, mode, hasDeck, canRead: nfc.state === 'armed', now: Date.now() });
}

const nfc = new Nfc({
  onState: (nfcState) => {
    showNfcBanner(nfcState);
    showReader();
    if (deck) /** @type {HTMLDetailsElement} */ (deck.element).open = nfcState !== 'armed';
    document.documentElement.dataset.nfc = nfcState;
    redraw();
  },
  onTap: takeTap,
  onReadError: () => dispatch({ type: 'read_error' }),
  isIdle: () => state.phase !== 'deciding',
});

/** @param {CardReading} reading @returns {boolean} whether a sale was waiting for it */
function takeTap(reading) {
  const before = state.sale;
  dispatch({ type: 'tap', reading, tap_id: crypto.randomUUID(), now: Date.now() });
  return before !== null && before.tap === null && before !== state.sale;
}

const line = new Line(settings.socket, {
  prove: async (nonce) => {
    if (!identity) throw new Error('a line was opened before the phone was enrolled');
    return { terminal: identity.terminal.id, signature: base64url(await signNonce(identity, nonce)) };
  },
  onMessage: (message) => {
    if (message.type !== 'ready') return dispatch({ type: 'message', message, now: Date.now(), jitter: Math.random() });
    text('merchant-name', message.merchant.name);
    text('terminal-name', message.terminal.name);
    text('operator-name', message.operator.name);
    byId('menu-dashboard').hidden = message.operator.role === 'cashier';
    writeSetting('currency', message.limits.currency);
    dispatch({ type: 'ready', ready: message, now: Date.now() });
  },
  onState: (lineState) => {
    byId('connection').dataset.state = lineState;
    text('connection', t(`line_${lineState}`));
    showLineBanner(lineState, identity !== null);
    if (lineState !== 'ready' && state.connected) dispatch({ type: 'lost' });
  },
  onUnauthorised: async (reason) => {
    if (!reason) {
      const whether = await standing(settings.page);
      if (whether === 'unreachable') return void setTimeout(() => line.reconnect(), UNREACHABLE_RETRY_MS);
      if (leadsAway(whether)) return;
    }
    const refused = byId('enrol-refused');
    refused.hidden = false;
    byId('enrol-retry').hidden = reason === 'terminal_revoked'; // only a new code helps
    /** @type {HTMLElement} */ (refused.querySelector('p')).textContent = t(reason ? `refused_${reason}` : 'refused');
    show('enrol');
  },
  onRefused: async () => void leadsAway(await standing(settings.page)),
});

/** @param {'served' | 'signed_out' | 'forbidden' | 'unreachable'} whether */
function leadsAway(whether) {
  if (whether === 'signed_out') location.assign(settings.page); // the server sends us to the sign-in and back
  showBanner('forbidden', whether === 'forbidden');
  if (whether === 'forbidden') line.close();
  return whether === 'signed_out' || whether === 'forbidden';
}

const deckElement = document.getElementById('deck');
const deck = settings.demo && deckElement
  ? new Deck(deckElement, {
      onTap: (reading) => void takeTap(reading),
      isArmed: () => state.phase === 'present_card',
      onTooEarly: () => dispatch({ type: 'too_early' }),
      onRefused: async () => leadsAway(await standing(settings.page)),
      failed: t('deck_failed'),
    })
  : null;

/** @param {'loading' | 'enrol' | 'sale'} next */
function show(next) {
  mode = next;
  byId('connection').hidden = next !== 'sale';
  showReader();
  redraw();
}

function showReader() {
  if (nfc.state === 'unsupported') explainUnsupported(t, { demo: settings.demo, enrolled: mode === 'sale' });
}

/** @param {string} key */
function press(key) {
  if (mode !== 'sale' || byId('main').inert) return;
  if (key === 'enter') return state.phase === 'result' ? dispatch({ type: 'next' }) : charge();
  if (key === 'escape' && closeMenu()) return;
  if (key === 'escape' && isSelling(state)) return dispatch({ type: 'cancel', now: Date.now() });
  if (state.phase !== 'idle' && state.phase !== 'entering') return;
  if (state.kind === 'balance') return;
  const limits = { amount_max: state.ready?.limits.amount_max ?? AMOUNT_MAX_UNKNOWN, places: exponent(currencyOf(state)) };
  const typed = afterKey(state, key === 'escape' ? 'clear' : key, limits);
  return typed ? dispatch({ type: 'amount', ...typed }) : drawRefusedKey(state, t);
}

function charge() {
  if (!canCharge(state)) return;
  wakeUp();
  dispatch({ type: 'charge', id: crypto.randomUUID(), now: Date.now() });
}

/** What a browser grants only to a touch: sound, and asking for the permission to read cards. */
function wakeUp() {
  unlockSound();
  stayAwake();
  void nfc.armFromGesture();
}

function wireControls() {
  nameThisDevice();
  listenToKeypad(byId('keypad'), press);
  listenToKeyboard(press);
  byId('charge').addEventListener('click', charge);
  byId('cancel').addEventListener('click', () => dispatch({ type: 'cancel', now: Date.now() }));
  byId('next').addEventListener('click', () => dispatch({ type: 'next' }));
  byId('retry').addEventListener('click', () => {
    wakeUp();
    dispatch({ type: 'retry', id: crypto.randomUUID(), now: Date.now() });
  });
  byId('kinds').addEventListener('change', (event) => {
    if (event.target instanceof HTMLInputElement) dispatch({ type: 'kind', kind: /** @type {Kind} */ (event.target.value) });
  });
  byId('allow-nfc').addEventListener('click', () => void nfc.armFromGesture());
  byId('take-over').addEventListener('click', () => location.reload());
  byId('enrol-retry').addEventListener('click', () => enter(identity));
  const voice = /** @type {HTMLInputElement} */ (byId('voice-on'));
  voice.checked = voiceIsOn();
  voice.addEventListener('change', () => setVoice(voice.checked));
  const note = /** @type {HTMLInputElement} */ (byId('note'));
  const dialog = /** @type {HTMLDialogElement} */ (byId('note-dialog'));
  byId('note-open').addEventListener('click', () => { note.value = state.note; dialog.showModal(); });
  dialog.addEventListener('close', () => dispatch({ type: 'note', note: note.value.trim() }));
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (form instanceof HTMLFormElement && 'csrf' in form.dataset) putToken(form);
  });
  document.addEventListener('click', (event) => {
    if (event.target instanceof Node && !byId('menu').contains(event.target)) closeMenu();
  });
  for (const change of ['online', 'offline']) window.addEventListener(change, showNetwork);
}

function closeMenu() {
  const menu = /** @type {HTMLDetailsElement} */ (byId('menu'));
  const wasOpen = menu.open;
  menu.open = false;
  return wasOpen;
}

/** What only the server can do is not offered without it. */
function showNetwork() {
  showLineBanner(line.state, identity !== null);
  for (const part of document.querySelectorAll('[data-needs-network]')) {
    if (part instanceof HTMLElement) part.hidden = !navigator.onLine;
  }
}

/** @param {HTMLFormElement} form */
function putToken(form) {
  form.querySelector('[name="csrfmiddlewaretoken"]')?.remove();
  const input = document.createElement('input');
  Object.assign(input, { type: 'hidden', name: 'csrfmiddlewaretoken', value: csrfToken() });
  form.append(input);
}

/** Sell as this terminal, or ask to be made one. @param {import('./identity.js').Identity | null} known */
function enter(known) {
  identity = known;
  byId('enrol-refused').hidden = true;
  showNetwork();
  if (!known) return show('enrol');
  text('merchant-name', known.merchant.name);
  text('terminal-name', known.terminal.name);
  show('sale');
  line.open();
}

async function begin() {
  if (!window.isSecureContext) return showBanner('insecure', true);
  try {
    identity = await loadIdentity();
  } catch {
    return showBanner('storage', true);
  }
  const pending = loadPending();
  if (pending && identity) dispatch({ type: 'restore', sale: pending });
  enter(identity);
  void nfc.start();
  if (deck) void deck.refresh().then((any) => { hasDeck = any; redraw(); });
}

wireControls();
wireEnrolment({ t, onEnrolled: enter });
setInterval(() => { if (isSelling(state)) dispatch({ type: 'tick', now: Date.now() }); }, TICK_MS);
void installServiceWorker(settings.service_worker, settings.page);
void takeOver(() => void begin(), () => {
  line.close();
  byId('main').inert = true;
  showBanner('other-tab', true);
});
