/** Tones made on the spot. Chrome has no beep of its own for NFC; the page makes one once the server has spoken. */

/** @typedef {'approved' | 'declined' | 'try_again'} Tone */

/** Frequency in Hz, start and length in seconds. @type {Record<Tone, {wave: OscillatorType, notes: [number, number, number][]}>} */
const TONES = {
  approved: { wave: 'sine', notes: [[880, 0, 0.12], [1318.5, 0.12, 0.28]] },
  declined: { wave: 'triangle', notes: [[311, 0, 0.18], [233, 0.2, 0.34]] },
  try_again: { wave: 'sine', notes: [[523, 0, 0.1], [523, 0.16, 0.1]] },
};
/** Milliseconds on, off, on … Different enough to tell apart in a pocket. @type {Record<Tone, number[]>} */
const VIBRATIONS = { approved: [120], declined: [90, 70, 90, 70, 240], try_again: [60, 60, 60] };
const LOUDNESS = 0.35;

/** @type {AudioContext | null} */
let context = null;

/** Call from the button that starts selling: browsers keep pages silent before a touch. */
export function unlockSound() {
  if (typeof AudioContext === 'undefined') return;
  context ??= new AudioContext();
  if (context.state === 'suspended') void context.resume();
}

/** @param {Tone} tone */
export function playTone(tone) {
  if (!context || context.state !== 'running') return;
  const { wave, notes } = TONES[tone];
  for (const [hertz, start_s, length_s] of notes) {
    const at = context.currentTime + start_s;
    const oscillator = new OscillatorNode(context, { type: wave, frequency: hertz });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(LOUDNESS, at + 0.01);
    gain.gain.exponentialRampToValueAtTime(0.001, at + length_s);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(at);
    oscillator.stop(at + length_s);
  }
}

/** @param {Tone} tone */
export function vibrate(tone) {
  navigator.vibrate?.(VIBRATIONS[tone]);
}
