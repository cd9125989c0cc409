// Loaded by Node.js before the function, when it may be snapshotted: keeps random numbers that Node.js holds in JavaScript
// from coming twice out of two instances of one snapshot. What OpenSSL holds is renewed from outside.
'use strict';
const crypto = require('node:crypto');

// crypto.randomUUID prepares 128 at a time, and randomInt a few kilobytes.
const uuid = crypto.randomUUID;
crypto.randomUUID = function randomUUID(options) {
  return uuid.call(this, { ...options, disableEntropyCache: true });
};

const limit = 2 ** 48 - 1;
const int = crypto.randomInt;
crypto.randomInt = function randomInt(min, max, callback) {
  if (typeof max === 'undefined' || typeof max === 'function') [min, max, callback] = [0, min, max];
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || max <= min || max - min > limit ||
      (callback !== undefined && typeof callback !== 'function')) {
    return int.call(this, min, max, callback); // which says what is wrong
  }
  const range = max - min;
  const fair = 2 ** 48 - (2 ** 48 % range);
  let x;
  do x = crypto.randomBytes(6).readUIntBE(0, 6); while (x >= fair);
  const n = min + (x % range);
  if (callback === undefined) return n;
  process.nextTick(callback, undefined, n);
};

// Libraries fetch random bytes ahead and hand them out later (nanoid, uuid up to 8, uid): nobody outside can tell which they
// have left. A process that has fetched so many at once listens to a signal that nobody sends; init sees that.
const ahead = 128;
const nobody = () => {};
function fetched(bytes) {
  if (bytes >= ahead && process.listenerCount('SIGSTKFLT', nobody) === 0) process.on('SIGSTKFLT', nobody);
}
function watch(holder, name, bytes) {
  const real = holder[name];
  Object.defineProperty(holder, name, {
    ...Object.getOwnPropertyDescriptor(holder, name),
    value: { [name](...given) {
      fetched(bytes(...given));
      return real.apply(this, given);
    } }[name],
  });
}
watch(crypto, 'randomBytes', (n) => n);
watch(crypto, 'randomFillSync', (b) => b?.byteLength);
watch(crypto, 'randomFill', (b) => b?.byteLength);
if (crypto.webcrypto) watch(Object.getPrototypeOf(crypto.webcrypto), 'getRandomValues', (b) => b?.byteLength);

// Math.random: sfc32, seeded anew whenever time has moved on by more than a
// blink. Between a snapshot and an event after it lies far more than that, on the wall clock.
const blinkMs = 20;
let a = 0, b = 0, c = 0, d = 0, seeded = -Infinity;
function step() {
  const t = (((a + b) | 0) + d) | 0;
  d = (d + 1) | 0;
  a = b ^ (b >>> 9);
  b = (c + (c << 3)) | 0;
  c = (c << 21) | (c >>> 11);
  c = (c + t) | 0;
  return t >>> 0;
}
Math.random = function random() {
  const now = Date.now();
  if (now - seeded > blinkMs || now < seeded) {
    const s = crypto.randomBytes(16);
    a = s.readInt32LE(0); b = s.readInt32LE(4); c = s.readInt32LE(8); d = s.readInt32LE(12);
    seeded = now;
  }
  return (step() * 0x200000 + (step() >>> 11)) / 0x20000000000000;
};
