/** The panel that makes a phone a terminal: with a code from the owner, or at a touch when the owner holds the phone. */

import { ApiError, call } from './api.js';
import { enrol } from './identity.js';

/** What was typed is refused: wrong, too old, taken. */
const FAULTS_OF_THE_FIELD = [400, 404, 409];

/**
 * @param {{t: (key: string) => string, onEnrolled: (identity: import('./identity.js').Identity) => void}} options
 */
export function wireEnrolment({ t, onEnrolled }) {
  const form = /** @type {HTMLFormElement} */ (document.getElementById('enrol-form'));
  const code = /** @type {HTMLInputElement} */ (document.getElementById('enrol-code'));
  const here = /** @type {HTMLFormElement | null} */ (document.getElementById('enrol-here-form'));

  /**
   * @param {HTMLFormElement} asked the form that was sent: what goes wrong is said there
   * @param {() => Promise<string>} codeSource
   */
  const attempt = async (asked, codeSource) => {
    setBusy(true);
    for (const tried of [form, here]) if (tried) showFault(tried, '', false);
    try {
      const identity = await enrol(await codeSource());
      code.value = '';
      onEnrolled(identity);
    } catch (problem) {
      const isOfTheField = problem instanceof ApiError && FAULTS_OF_THE_FIELD.includes(problem.status);
      showFault(asked, explain(problem, t), isOfTheField);
    } finally {
      setBusy(false);
    }
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void attempt(form, async () => tidy(code.value));
  });
  here?.addEventListener('submit', (event) => {
    event.preventDefault();
    const name = String(new FormData(here).get('name') ?? '').trim();
    void attempt(here, async () => (await call('/api/v1/terminals/', { method: 'POST', body: { name } })).enrolment_code);
  });
  const fromLink = codeInFragment();
  if (fromLink) code.value = fromLink;
}

/**
 * @param {HTMLFormElement} form
 * @param {string} words empty: nothing is wrong (any more)
 * @param {boolean} isOfTheField and not, say, of the network
 */
function showFault(form, words, isOfTheField) {
  const error = form.querySelector('.field__error');
  const field = form.querySelector('input');
  if (!(error instanceof HTMLElement) || !field) return;
  error.textContent = words;
  error.hidden = words === '';
  if (isOfTheField) field.setAttribute('aria-invalid', 'true');
  else field.removeAttribute('aria-invalid');
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
