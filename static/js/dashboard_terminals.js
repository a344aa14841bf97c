/**
 * The page of terminals: the code's countdown, its link to copy, and the states as they change. The moment the phone
 * is enrolled, the code gives way to a word about it.
 */

import { DashboardSocket } from './dashboard_socket.js';
import { loadMessages } from './i18n.js';

const say = loadMessages('terminal-list-messages');
const invitation = document.getElementById('invitation');

if (invitation) {
  invitation.focus({ preventScroll: true });
  countDown(invitation);
  offerCopy();
}

new DashboardSocket({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws/dashboard/`,
  cursor: () => null,
  onState: () => {},
  onMessage: (message) => {
    const { terminal, terminals } = /** @type {{terminal?: TerminalObject, terminals?: TerminalObject[]}} */ (message);
    for (const one of terminals ?? (terminal && message.type === 'terminal' ? [terminal] : [])) show(one);
    return true;
  },
}).start();

/** @param {TerminalObject} terminal */
function show({ id, name, state }) {
  const row = document.querySelector(`#terminals [data-terminal="${CSS.escape(id)}"]`);
  if (row instanceof HTMLElement && row.dataset.state !== state) {
    row.dataset.state = state;
    row.querySelector('.conn')?.setAttribute('data-state', state);
    const text = row.querySelector('[data-state-name]');
    if (text) text.textContent = say(`state.${state}`);
    const new_code = row.querySelector('[data-new-code]');
    if (new_code instanceof HTMLElement) new_code.hidden = state !== 'pending';
  }
  if (invitation?.dataset.terminal === id && (state === 'online' || state === 'offline')) welcome(name);
}

/** @param {string} name */
function welcome(name) {
  const banner = document.getElementById('enrolled');
  if (!invitation || !banner?.hidden) return;
  invitation.classList.add('is-done');
  const only_here = document.getElementById('only-here');
  if (only_here) only_here.hidden = true;
  banner.hidden = false;
  banner.textContent = say('enrolled', { name });
}

/**
 * By the time that passes here, not by this device's clock, which may be wrong.
 * @param {HTMLElement} panel
 */
function countDown(panel) {
  const output = document.getElementById('countdown');
  const ends_at = performance.now() + Number(panel.dataset.secondsLeft ?? 0) * 1000;
  const tick = () => {
    const left = Math.max(0, Math.ceil((ends_at - performance.now()) / 1000));
    const seconds = String(left % 60).padStart(2, '0');
    if (output) output.textContent = left ? say('countdown', { minutes: Math.floor(left / 60), seconds }) : say('expired');
    panel.classList.toggle('is-expired', left === 0);
    if (left > 0) setTimeout(tick, 1000);
  };
  tick();
}

function offerCopy() {
  const button = document.getElementById('copy-link');
  const link = document.getElementById('enrolment-link');
  if (!button || !(link instanceof HTMLAnchorElement) || !navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(link.href);
    button.textContent = say('copied');
  });
}
