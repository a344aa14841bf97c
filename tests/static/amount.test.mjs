// What the keys do to the amount, without a browser: run by tests/static/test_scripts.py, or `node --test tests/static`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

const { afterKey } = await import(pathToFileURL(`${process.cwd()}/static/js/amount.js`).href);

const BLANK = { amount: 0, decimals: null, kept: false };
const YUAN = { amount_max: 5_000_000, places: 2 };
const typed = (keys, from = BLANK, limits = YUAN) => keys.reduce((now, key) => ({ ...afterKey(now, key, limits), kept: false }), from).amount;

for (const [keys, amount] of [
  ['1 2 5 0', 1250], ['1 2 . 5', 1250], ['1 2 . 5 0', 1250], ['1 2 .', 1200], ['. 5', 50], ['1 2 . 0 5', 1205],
  ['1 2 . 00', 1200], ['5 00', 500], ['00 00', 0],
  ['1 2 . 5 0 9', 1250], ['1 2 . 5 . 5', 1255], ['1 . 5 00', 150], // what no amount can have is left out
  ['1 2 . 5 0 backspace', 1250], ['1 2 . 5 backspace', 1200], ['1 2 . backspace', 12], ['1 2 5 0 backspace', 125],
  ['1 2 . 3 4 backspace 9', 1239], ['1 2 . 5 backspace backspace 5', 125], ['1 2 . 5 clear 3', 3],
]) {
  test(`${keys} is ${amount}`, () => assert.equal(typed(keys.split(' ')), amount));
}
test('the first digit replaces an amount that was kept, the point too; backspace edits it', () => {
  const kept = { amount: 3000, decimals: null, kept: true };
  assert.equal(typed(['5'], kept), 5);
  assert.equal(typed(['.', '5'], kept), 50);
  assert.equal(typed(['backspace'], kept), 300);
  assert.equal(typed(['backspace', '5'], kept), 3005);
});
test('a key that goes beyond the maximum is refused, with and without a point', () => {
  const limits = { amount_max: 1_000, places: 2 };
  assert.equal(afterKey({ ...BLANK, amount: 100 }, '1', limits), null);
  assert.equal(afterKey({ ...BLANK, amount: 11 }, '.', limits), null);
  assert.equal(afterKey({ ...BLANK, amount: 1000, decimals: 0 }, '1', limits), null);
});
test('a currency without decimals has no point', () => {
  assert.equal(typed(['1', '.', '5'], BLANK, { amount_max: 1_000, places: 0 }), 15);
});
