/**
 * The keypad and the physical keyboard, as one stream of keys: '0'…'9', '00', '.', 'backspace', 'clear', 'enter',
 * 'escape'. The point is the keyboard's alone.
 * A key acts when it goes down (two thumbs are quick) and still works for a screen reader, which only clicks.
 */

const HOLD_TO_CLEAR_MS = 600;

/**
 * @param {HTMLElement} keypad holds buttons with `data-key`
 * @param {(key: string) => void} onKey
 */
export function listenToKeypad(keypad, onKey) {
  /** @type {string | null} */
  let pressed = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let hold;
  /** @param {Event} event */
  const keyOf = (event) => {
    const button = event.target instanceof Element ? event.target.closest('button[data-key]') : null;
    return button instanceof HTMLButtonElement && !button.disabled ? button.dataset.key ?? null : null;
  };
  keypad.addEventListener('pointerdown', (event) => {
    const key = event.button === 0 ? keyOf(event) : null;
    if (!key) return;
    event.preventDefault(); // the focus stays, so that Enter charges and does not press this key again
    pressed = key;
    onKey(key);
    if (key === 'backspace') hold = setTimeout(() => onKey('clear'), HOLD_TO_CLEAR_MS);
  });
  for (const end of ['pointerup', 'pointercancel', 'pointerleave']) keypad.addEventListener(end, () => clearTimeout(hold));
  keypad.addEventListener('click', (event) => {
    const key = keyOf(event);
    const handled = key !== null && key === pressed;
    pressed = null;
    if (key && !handled) onKey(key);
  });
  keypad.addEventListener('contextmenu', (event) => event.preventDefault());
}

/** @param {(key: string) => void} onKey */
export function listenToKeyboard(onKey) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const at = event.target instanceof Element ? event.target : document.body;
    if (at.closest('input:not([type="radio"]), textarea, select, dialog')) return;
    if (/^[0-9]$/.test(event.key)) return onKey(event.key);
    // The decimal key of a number block writes a comma in some countries; elsewhere a comma groups thousands.
    if (event.key === '.' || event.key === '。' || event.code === 'NumpadDecimal') return onKey('.');
    if (event.key === 'Backspace') return onKey('backspace');
    if (event.key === 'Escape') return onKey('escape');
    // On a button or a link Enter already means that one.
    if (event.key === 'Enter' && !at.closest('button, a, summary')) {
      event.preventDefault();
      onKey('enter');
    }
  });
}
