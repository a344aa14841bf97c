/** The panel that makes a phone a terminal: with a code from the owner, or at a touch when the owner holds the phone. */

import { ApiError, call } from './api.js';
import { enrol } from './identity.js';

/**
 * @param {{t: (key: string) => string, onEnrolled: (identity: import('./identity.js').Identity) => void}} options
 */
export function wireEnrolment({ t, onEnrolled }) {
  const form = /** @type {HTMLFormElement} */ (document.getElementById('enrol-form'));
  const code = /** @type {HTMLInputElement} */ (document.getElementById('enrol-code'));
  const error = /** @type {HTMLElement} */ (document.getElementById('enrol-error'));
  const here = /** @type {HTMLFormElement | null} */ (document.getElementById('enrol-here-form'));

  /** @param {() => Promise<string>} codeSource */
  const attempt = async (codeSource) => {
    setBusy(true);
    error.hidden = true;
    try {
      const identity = await enrol(await codeSource());
      code.value = '';
      onEnrolled(identity);
    } catch (problem) {
      error.textContent = explain(problem, t);
      error.hidden = false;
      code.setAttribute('aria-invalid', 'true');
    } finally {
      setBusy(false);
    }
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void attempt(async () => tidy(code.value));
  });
  here?.addEventListener('submit', (event) => {
    event.preventDefault();
    const name = String(new FormData(here).get('name') ?? '').trim();
    void attempt(async () => (await call('/api/v1/terminals/', { method: 'POST', body: { name } })).enrolment_code);
  });
  const fromLink = codeInFragment();
  if (fromLink) code.value = fromLink;
}

/** The code of an enrolment link, taken out of the address so that it stays in no history. */
function codeInFragment() {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (code) history.replaceState(null, '', location.pathname + location.search);
  return code ? tidy(code) : '';
}

/** @param {string} code */
function tidy(code) {
  return code.trim().toUpperCase().replace(/[\s–—]+/g, '-');
}

/** @param {boolean} busy */
function setBusy(busy) {
  for (const button of document.querySelectorAll('#enrol button')) {
    if (button instanceof HTMLButtonElement) button.disabled = busy;
  }
}

/**
 * @param {unknown} problem
 * @param {(key: string) => string} t
 */
function explain(problem, t) {
  if (!(problem instanceof ApiError)) return t('enrol_failed');
  if (problem.status === 0) return t('enrol_no_network');
  if (problem.status === 429) return t('enrol_too_often');
  if (problem.fields.includes('name') || problem.status === 409) return t('enrol_name_taken');
  return t(problem.status === 400 ? 'enrol_wrong_code' : 'enrol_failed');
}
