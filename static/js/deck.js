/**
 * The demo's virtual cards beside the keypad: touching one makes the server's virtual chip produce a fresh tap, which
 * then goes exactly the way of a real one. Outside demo mode neither this deck nor its endpoint exists.
 */

import { ApiError, call } from './api.js';
import { formatMoney } from './money.js';

/** Signed out, or signed in as somebody who may not sell. */
const REFUSALS = [401, 403];

/** @typedef {{uid: string, serial_number: string, balance: number, currency: string, masked: string}} VirtualCard */

export class Deck {
  /**
   * @param {HTMLElement} element #deck
   * @param {object} options
   * @param {(reading: CardReading) => void} options.onTap
   * @param {() => boolean} options.isArmed
   * @param {() => void} options.onTooEarly
   * @param {() => Promise<boolean>} options.onRefused the person may not ask the server; returns whether that was dealt with
   * @param {string} options.failed
   */
  constructor(element, options) {
    this.element = element;
    this.options = options;
    this.list = /** @type {HTMLElement} */ (element.querySelector('#deck-cards'));
    this.template = /** @type {HTMLTemplateElement} */ (element.querySelector('#deck-card'));
    this.error = /** @type {HTMLElement} */ (element.querySelector('#deck-error'));
    this.list.addEventListener('click', (event) => {
      const button = event.target instanceof Element ? event.target.closest('button') : null;
      if (button?.dataset.uid) void this.#tap(button.dataset.uid);
    });
  }

  /** Fetch the cards and their balances. @returns {Promise<boolean>} whether there are any */
  async refresh() {
    try {
      /** @type {VirtualCard[]} */
      const cards = await call('/api/v1/demo/cards/');
      this.list.replaceChildren(...cards.map((card) => this.#drawn(card)));
      this.element.hidden = cards.length === 0;
    } catch {
      // Signed out or offline: the page's own banners say so.
    }
    return !this.element.hidden;
  }

  /** @param {VirtualCard} card */
  #drawn(card) {
    const item = /** @type {DocumentFragment} */ (this.template.content.cloneNode(true));
    const button = /** @type {HTMLButtonElement} */ (item.querySelector('button'));
    button.dataset.uid = card.uid;
    /** @type {HTMLElement} */ (item.querySelector('.plastic__number')).textContent = card.masked;
    /** @type {HTMLElement} */ (item.querySelector('.plastic__balance')).textContent = formatMoney(card.balance, card.currency);
    return item;
  }

  /** @param {string} uid */
  async #tap(uid) {
    if (!this.options.isArmed()) return this.options.onTooEarly();
    this.error.hidden = true;
    try {
      const { serial_number, records } = await call(`/api/v1/demo/cards/${encodeURIComponent(uid)}/tap/`, { method: 'POST', body: {} });
      this.options.onTap({ serial_number, records });
    } catch (problem) {
      const isRefused = problem instanceof ApiError && REFUSALS.includes(problem.status);
      if (isRefused && (await this.options.onRefused())) return;
      this.error.textContent = this.options.failed;
      this.error.hidden = false;
    }
  }
}
