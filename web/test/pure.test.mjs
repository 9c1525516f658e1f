// The parts of the viewer that need no browser. run_tests: parallel

import assert from 'node:assert/strict';
import test from 'node:test';
import { runnerImport } from 'vite';

async function load(name) {
  const { module } = await runnerImport(new URL(`../src/${name}.ts`, import.meta.url).pathname);
  return module;
}

const { backoffSeconds } = await load('backoff');
const { editBetween } = await load('edit');
const { keysymOfChar, keysymOfKey } = await load('keysym');
const { withoutLossy } = await load('lossless');
const { subprotocols } = await load('secret');

test('the wait doubles up to half a minute', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 40].map(backoffSeconds), [1, 2, 4, 8, 16, 30, 30, 30]);
});

test('an edit takes back from the end and types', () => {
  assert.deepEqual(editBetween('ab', 'abc'), { erase: 0, insert: 'c' });
  assert.deepEqual(editBetween('teh', 'the '), { erase: 2, insert: 'he ' });
  assert.deepEqual(editBetween('a', ''), { erase: 1, insert: '' });
  assert.deepEqual(editBetween('x', 'x'), { erase: 0, insert: '' });
  assert.deepEqual(editBetween('a😀', 'a😁'), { erase: 1, insert: '😁' });
});

test('a character has its keysym', () => {
  assert.deepEqual(
    ['a', 'ö', '€', '😀', '\n', '\t', '\u0085'].map(keysymOfChar),
    [0x61, 0xf6, 0x010020ac, 0x0101f600, 0xff0d, 0xff09, 0x01000085],
  );
  assert.equal(keysymOfKey('ArrowUp'), 0xff52);
  assert.equal(keysymOfKey('a'), undefined);
});

function setEncodings(list) {
  const bytes = new Uint8Array(4 + 4 * list.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 2);
  view.setUint16(2, list.length);
  list.forEach((e, i) => view.setInt32(4 + 4 * i, e));
  return bytes;
}

test('lossless drops JPEG, H.264 and every quality level, and nothing else', () => {
  const quality = Array.from({ length: 10 }, (_, i) => -32 + i);
  const kept = [1, 7, 16, 0, -33, -22, -247, -308];
  assert.deepEqual(withoutLossy(setEncodings([21, 50, ...quality, ...kept])), setEncodings(kept));
});

test('lossless leaves other messages alone', () => {
  const whole = setEncodings([21, -32]);
  for (let n = 0; n < whole.length; n++) {
    const part = whole.slice(0, n);
    assert.equal(withoutLossy(part), part);
  }
  const key = new Uint8Array([4, 0, 0, 1, 255, 255, 255, 224]);
  assert.equal(withoutLossy(key), key);
});

test('lossless reads a message in the middle of a larger buffer', () => {
  const message = setEncodings([7, -23]);
  const buffer = new Uint8Array(message.length + 5);
  buffer.set(message, 5);
  assert.deepEqual(withoutLossy(buffer.subarray(5)), setEncodings([7]));
});

test('the secret goes as a subprotocol', () => {
  assert.deepEqual(subprotocols(null), ['binary']);
  assert.deepEqual(subprotocols('ab'), ['binary', 'porthole.secret.ab']);
});
