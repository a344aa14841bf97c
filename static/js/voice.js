/**
 * "收款到账 12.30 元": said aloud once per transaction and only for what the server confirmed, so that a stall-holder
 * with full hands hears that the money is there.
 */

import { pageLanguage } from './i18n.js';
import { formatMoney, plainAmount } from './money.js';
import { readSetting, writeSetting } from './pending.js';

const SPOKEN_KEPT = 30;

export function voiceIsOn() {
  return readSetting('voice', true);
}

/** @param {boolean} on */
export function setVoice(on) {
  writeSetting('voice', on);
  if (!on) globalThis.speechSynthesis?.cancel();
}

/**
 * @param {Outcome} outcome
 * @param {(key: string, values?: Record<string, string | number>) => string} t
 */
export function speakOutcome(outcome, t) {
  const { result, kind, transaction, amount, currency = 'CNY' } = outcome;
  if (result !== 'approved' || kind === 'balance' || !transaction || amount === undefined) return;
  /** @type {string[]} */
  const spoken = readSetting('spoken', []);
  if (spoken.includes(transaction)) return;
  writeSetting('spoken', [transaction, ...spoken].slice(0, SPOKEN_KEPT));
  if (!voiceIsOn() || !globalThis.speechSynthesis) return;
  const sentence = kind === 'top_up' ? 'voice_topped_up' : 'voice_received';
  const words = currency === 'CNY' ? t('voice_yuan', { amount: plainAmount(amount, currency) }) : formatMoney(amount, currency);
  const utterance = new SpeechSynthesisUtterance(t(sentence, { amount: words }));
  // On Android the language is enough; picking a voice by name breaks on phones that lack it.
  utterance.lang = pageLanguage().startsWith('zh') ? 'zh-CN' : 'en-US';
  speechSynthesis.cancel();
  speechSynthesis.speak(utterance);
}
