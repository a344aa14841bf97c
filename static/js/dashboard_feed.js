/**
 * The live feed: a list of transactions, newest first, and what a screen reader is told of new ones. Rows are cloned
 * from a template of the page; a row that stands already is left alone, so nothing flickers or loses the focus.
 */

import { signedAmount } from './dashboard_state.js';

/** At most one announcement in this time; what comes meanwhile is told as a number. */
const ANNOUNCE_EVERY_MS = 4_000;
const PLACEHOLDER_ID = /T0{26}/;

/** @typedef {(key: string, values?: Record<string, string | number>) => string} Say */

export class Feed {
  /** @type {TransactionObject[]} */
  #unannounced = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #announcing;

  /**
   * @param {HTMLElement} list
   * @param {HTMLTemplateElement} mould
   * @param {HTMLElement} announcer
   * @param {Say} say
   */
  constructor(list, mould, announcer, say) {
    this.list = list;
    this.mould = mould;
    this.announcer = announcer;
    this.say = say;
  }

  /**
   * @param {TransactionObject[]} recent newest first
   * @param {string} business_date
   * @param {import('./dashboard_format.js').Format} format
   * @param {ReadonlySet<string>} fresh ids that came as events and are to be noticed
   */
  render(recent, business_date, format, fresh) {
    /** @type {Map<string, HTMLElement>} */
    const standing = new Map();
    for (const row of this.list.querySelectorAll('li')) standing.set(row.dataset.transaction ?? '', row);
    const rows = recent.map((transaction) => {
      const row = standing.get(transaction.id) ?? this.#row(transaction, format);
      // Yesterday's rows get their date when the day turns.
      set(row, 'time', format.when(transaction, business_date));
      if (fresh.has(transaction.id)) row.classList.add('is-new');
      return row;
    });
    const wanted = new Set(rows);
    for (const row of standing.values()) if (!wanted.has(row)) row.remove();
    rows.forEach((row, index) => {
      const there = this.list.children[index] ?? null;
      if (there !== row) this.list.insertBefore(row, there);
    });
    this.#announce(recent.filter(({ id }) => fresh.has(id)), format);
  }

  /**
   * @param {TransactionObject} transaction
   * @param {import('./dashboard_format.js').Format} format
   * @returns {HTMLElement}
   */
  #row(transaction, format) {
    const { id, kind, status, reason, card, terminal, fee, occurred_at } = transaction;
    const copy = /** @type {DocumentFragment} */ (this.mould.content.cloneNode(true));
    const row = /** @type {HTMLElement} */ (copy.querySelector('li'));
    Object.assign(row.dataset, { transaction: id, status, kind });
    const link = row.querySelector('a');
    if (link) link.href = (this.list.dataset.detailUrl ?? '').replace(PLACEHOLDER_ID, id);
    set(row, 'kind-name', this.say(`kind.${kind}`));
    set(row, 'badge', this.say(`status.${status}`), status === 'approved');
    set(row, 'amount', format.money(signedAmount(transaction)), kind === 'balance');
    set(row, 'reason', reason ? this.say(`reason.${reason}`) : '');
    set(row, 'card', card ?? '');
    set(row, 'terminal', terminal?.name ?? '');
    set(row, 'fee', fee ? this.say('feed.fee', { fee: format.money(fee) }) : '');
    row.querySelector('time')?.setAttribute('datetime', occurred_at);
    return row;
  }

  /**
   * @param {TransactionObject[]} fresh
   * @param {import('./dashboard_format.js').Format} format
   */
  #announce(fresh, format) {
    if (fresh.length === 0) return;
    this.#unannounced.push(...fresh);
    if (this.#announcing !== undefined) return;
    const tell = () => {
      const [one, ...more] = this.#unannounced.splice(0);
      this.#announcing = one ? setTimeout(tell, ANNOUNCE_EVERY_MS) : undefined;
      if (!one) return;
      this.announcer.textContent = more.length
        ? this.say('feed.announce_many', { count: more.length + 1 })
        : this.say('feed.announce', {
            kind: this.say(`kind.${one.kind}`),
            amount: one.kind === 'balance' ? '' : format.money(signedAmount(one)),
            status: this.say(one.reason ? `reason.${one.reason}` : `status.${one.status}`),
          });
    };
    tell();
  }
}

/**
 * Fill the part of a row that is marked `data-<name>`.
 * @param {HTMLElement} row
 * @param {string} name
 * @param {string} text
 * @param {boolean} [hidden]
 */
export function set(row, name, text, hidden = false) {
  const part = row.querySelector(`[data-${name}]`);
  if (!(part instanceof HTMLElement)) return;
  if (part.textContent !== text) part.textContent = text;
  part.hidden = hidden;
}
