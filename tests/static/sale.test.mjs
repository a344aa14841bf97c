// The state machine of one sale, without a browser: run by tests/static/test_scripts.py, or `node --test tests/static`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

const SALE = pathToFileURL(`${process.cwd()}/static/js/sale.js`).href;
const { ANSWER_WITHIN_MS, canCancel, initialSale, step } = await import(SALE);

const READY = {
  type: 'ready', merchant: { id: 'm', name: 'M', currency: 'CNY', time_zone: 'Asia/Shanghai' }, terminal: { id: 't1', name: 'T' },
  operator: { name: 'O', role: 'cashier' }, limits: { amount_min: 1, amount_max: 50_000, currency: 'CNY', kinds: ['purchase'] }, server_time: '',
};
const READING = { serial_number: '04:aa', records: [] };
const said = (message, now = 0) => ({ type: 'message', message, now, jitter: 1 });
const present = { type: 'present_card', id: 's1', expires_in: 120 };
const run = (events, from = initialSale()) => events.reduce(([state, all], event) => {
  const [next, effects] = step(state, event);
  return [next, [...all, ...effects]];
}, [from, []]);
const sent = (effects) => effects.filter((e) => e.do === 'send').map((e) => e.message.type);
const armed = () => run([{ type: 'ready', ready: READY, now: 0 }, { type: 'amount', amount: 1230 }, { type: 'charge', id: 's1', now: 0 }, said(present)])[0];
const tapped = () => run([{ type: 'tap', reading: READING, tap_id: 'p1', now: 5 }], armed())[0];

test('a sale from the keypad to the verdict', () => {
  const [state, effects] = run([{ type: 'tap', reading: READING, tap_id: 'p1', now: 1 }, said({ type: 'outcome', id: 's1', result: 'approved', kind: 'purchase' })], armed());
  assert.equal(state.phase, 'result');
  assert.deepEqual(effects.map((e) => e.do), ['save', 'send', 'forget', 'announce']);
});
test('the tap is kept before it is sent', () => {
  const [, effects] = step(armed(), { type: 'tap', reading: READING, tap_id: 'p1', now: 1 });
  assert.deepEqual(effects.map((e) => e.do), ['save', 'send']);
});
test('taps after a verdict, and second taps, are ignored', () => {
  assert.deepEqual(step(tapped(), { type: 'tap', reading: READING, tap_id: 'p2', now: 6 })[1], []);
  const [done] = step(tapped(), said({ type: 'outcome', id: 's1', result: 'declined', reason: 'insufficient_funds' }));
  assert.deepEqual(step(done, { type: 'tap', reading: READING, tap_id: 'p2', now: 6 }), [done, []]);
});
test('a card that comes before the server is ready is sent as soon as it is', () => {
  const [arming] = run([{ type: 'ready', ready: READY, now: 0 }, { type: 'amount', amount: 5 }, { type: 'charge', id: 's1', now: 0 }]);
  const [, effects] = run([{ type: 'tap', reading: READING, tap_id: 'p1', now: 1 }, said(present)], arming);
  assert.deepEqual(sent(effects), ['tap']);
});
test('after a lost connection the same start and the same tap go again', () => {
  const [, effects] = run([{ type: 'lost' }, { type: 'ready', ready: READY, now: 9 }, said(present, 10)], tapped());
  assert.deepEqual(effects.filter((e) => e.do === 'send').map((e) => [e.message.type, e.message.id, e.message.tap]), [['start', 's1', undefined], ['tap', 's1', 'p1']]);
});
test('a tap of an hour ago is never sent: the sale is called off', () => {
  const late = 3_600_000;
  const [state, effects] = run([{ type: 'restore', sale: tapped().sale }, { type: 'ready', ready: READY, now: late }, said(present, late), said({ type: 'outcome', id: 's1', result: 'cancelled' }, late)]);
  assert.deepEqual(sent(effects), ['start', 'cancel']);
  assert.equal(state.notice, 'not_charged');
});
test('a sale of another terminal is never sent on', () => {
  const [state, effects] = run([{ type: 'restore', sale: tapped().sale }, { type: 'ready', ready: { ...READY, terminal: { id: 't2', name: '' } }, now: 1 }]);
  assert.deepEqual(sent(effects), []);
  assert.equal(state.notice, 'other_terminal');
});
test('try again keeps the sale armed, says why, and needs a new tap', () => {
  const [state] = step(tapped(), said({ type: 'outcome', id: 's1', result: 'try_again', reason: 'unsupported_card' }));
  assert.deepEqual([state.phase, state.advice, state.sale.tap], ['present_card', 'unsupported_card', null]);
});
test('busy sends the same message again, later each time', () => {
  const busy = said({ type: 'error', code: 'busy', message: '', id: 's1' }, 100);
  const [waiting] = step(tapped(), busy);
  assert.deepEqual(step(waiting, { type: 'tick', now: 101 })[1], []);
  const [resent, effects] = step(waiting, { type: 'tick', now: waiting.resend_at });
  assert.equal(effects[0].message.tap, 'p1');
  assert.ok(step(resent, busy)[0].resend_at > waiting.resend_at);
});
test('not_armed starts anew with the same ids, but not for ever', () => {
  const error = said({ type: 'error', code: 'not_armed', message: '', id: 's1' });
  const [state, effects] = run([error, error, error], tapped());
  assert.deepEqual(sent(effects), ['start', 'start', 'start']);
  assert.equal(step(state, error)[0].phase, 'result');
});
test('an error nobody documented never ends a sale whose card was sent', () => {
  assert.equal(step(tapped(), said({ type: 'error', code: 'novel', message: '' }))[0].phase, 'deciding');
});
test('a refused start is told in the words of the server', () => {
  const [state] = step(armed(), said({ type: 'error', code: 'id_reused', message: 'no', id: 's1' }));
  assert.equal(state.result.outcome.message, 'no');
});
test('answers to another id change nothing', () => {
  const state = tapped();
  assert.equal(step(state, said({ type: 'outcome', id: 'other', result: 'approved' }))[0], state);
});
test('no cancelling once a card was sent', () => {
  assert.equal(canCancel(tapped()), false);
  assert.deepEqual(step(tapped(), { type: 'cancel', now: 1 })[1], []);
});
test('cancelling without a connection goes back to the keypad with the amount', () => {
  const [state, effects] = run([{ type: 'lost' }, { type: 'cancel', now: 1 }], armed());
  assert.deepEqual([state.phase, state.amount, sent(effects)], ['entering', 1230, []]);
});
test('a sale called off or expired keeps its amount until another is typed; the same can be charged again', () => {
  for (const [event, reason] of [[{ type: 'cancel', now: 1 }, undefined], [{ type: 'tick', now: 1 }, 'expired']]) {
    const [off] = run([event, said({ type: 'outcome', id: 's1', result: 'cancelled', reason })], armed());
    assert.deepEqual([off.phase, off.amount, off.kept], ['entering', 1230, true]);
    assert.equal(step(off, { type: 'note', note: 'x' })[0].kept, true);
    assert.equal(step(off, { type: 'amount', amount: 5 })[0].kept, false);
    const [again, effects] = step(off, { type: 'charge', id: 's2', now: 2 });
    assert.deepEqual([again.kept, effects[1].message.amount], [false, 1230]);
  }
});
test('silence for too long is taken for a dead connection', () => {
  assert.deepEqual(step(tapped(), { type: 'tick', now: 6 + ANSWER_WITHIN_MS })[1], [{ do: 'reconnect' }]);
});
test('approved wins over a cancel that came too late', () => {
  const [state] = run([{ type: 'cancel', now: 1 }, said({ type: 'outcome', id: 's1', result: 'approved', kind: 'purchase' })], armed());
  assert.equal(state.result.result, 'approved');
});
test('another card after a decline is a new sale of the same amount', () => {
  const [done] = step(tapped(), said({ type: 'outcome', id: 's1', result: 'declined', reason: 'insufficient_funds' }));
  const [, effects] = step(done, { type: 'retry', id: 's2', now: 1 });
  assert.deepEqual([effects[1].message.id, effects[1].message.amount], ['s2', 1230]);
});
test('the next sale begins blank', () => {
  const [done] = step(tapped(), said({ type: 'outcome', id: 's1', result: 'approved', kind: 'purchase' }));
  const [state] = step(done, { type: 'next' });
  assert.deepEqual([state.phase, state.amount, state.kind, state.connected], ['idle', 0, 'purchase', true]);
});
