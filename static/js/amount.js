/**
 * What a key does to the amount. Digits shift in from the right (1 2 5 0 → 12.50) until somebody types a point, as a
 * keyboard invites to: then what stands there are whole yuan, and the digits fill the decimals (1 2 . 5 → 12.50).
 * Pure, and about what is typed only: no fee, net or balance is calculated on the phone.
 */

/**
 * @typedef {object} Typed
 * @property {number} amount in minor units
 * @property {number | null} decimals how many stand behind the typed point; null: there is none
 */

/** @type {Typed} */
const NOTHING = { amount: 0, decimals: null };

/**
 * @param {Typed & {kept: boolean}} typed `kept`: the amount of a sale called off, which the first digit replaces
 * @param {string} key '0' to '9', '00', '.', 'backspace' or 'clear'
 * @param {{amount_max: number, places: number}} limits `places`: digits behind the currency's point
 * @returns {Typed | null} null when the key would go beyond the maximum
 */
export function afterKey(typed, key, { amount_max, places }) {
  if (key === 'clear') return NOTHING;
  if (key === 'backspace') return shorter(typed, places);
  const next = longer(typed.kept ? NOTHING : typed, key, places);
  return Number.isSafeInteger(next.amount) && next.amount <= amount_max ? next : null;
}

/**
 * @param {Typed} typed
 * @param {string} key
 * @param {number} places
 * @returns {Typed}
 */
function longer(typed, key, places) {
  const { amount, decimals } = typed;
  if (key === '.') return decimals === null && places > 0 ? { amount: amount * 10 ** places, decimals: 0 } : typed;
  if (decimals === null) return { amount: Number(`${amount}${key}`), decimals };
  const filled = decimals + key.length;
  return filled > places ? typed : { amount: amount + Number(key) * 10 ** (places - filled), decimals: filled };
}

/**
 * @param {Typed} typed
 * @param {number} places
 * @returns {Typed}
 */
function shorter({ amount, decimals }, places) {
  if (decimals === null) return { amount: Math.floor(amount / 10), decimals };
  if (decimals === 0) return { amount: amount / 10 ** places, decimals: null };
  return { amount: amount - (amount % 10 ** (places - decimals + 1)), decimals: decimals - 1 };
}
