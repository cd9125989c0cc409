// Loaded by Node.js before the function, in each of its threads, when it may be snapshotted: keeps random numbers that Node.js
// holds in JavaScript from coming twice out of two instances of one snapshot. What OpenSSL and SQLite hold is renewed from
// outside.
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const vm = require('node:vm');
const threads = require('node:worker_threads');

// What nobody can renew is told to init by a file that is opened as nobody else opens it; a thread's is closed at its end.
const { O_RDONLY, O_APPEND, O_SYNC, O_NONBLOCK } = fs.constants;
const open = fs.openSync;
const nobody = () => {};
let told = false;
function repeats() {
  if (told) return;
  told = true;
  try {
    open('/dev/null', O_RDONLY | O_APPEND | O_SYNC | O_NONBLOCK);
  } catch { // it may not open files; to listen to a signal that nobody sends says the same
    process.on('SIGSTKFLT', nobody);
  }
}

// replace puts a function in the place of another.
function replace(holder, name, value) {
  try {
    Object.defineProperty(holder, name, { ...Object.getOwnPropertyDescriptor(holder, name), value });
  } catch { // frozen
    repeats();
  }
}

// crypto.randomUUID prepares 128 at a time, and randomInt a few kilobytes.
const uuid = crypto.randomUUID;
const anew = (make) => function randomUUID(options) {
  return make.call(this, { ...options, disableEntropyCache: true });
};
for (const name of ['randomUUID', 'randomUUIDv7']) if (crypto[name]) replace(crypto, name, anew(crypto[name]));

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

// Libraries fetch random bytes ahead and hand them out later (nanoid, uuid up to 8, uid), or seed a generator in WebAssembly's
// memory, which comes in pages of 64 KiB: nobody outside can tell which they have left.
const ahead = 128;
const page = 65536;
function fetched(bytes, memory = 0) {
  if (bytes >= ahead || (memory >= page && memory % page === 0 && memory !== Buffer.poolSize)) repeats();
}
function watch(holder, name, see) {
  const real = holder[name];
  if (typeof real !== 'function') return;
  replace(holder, name, { [name](...given) {
    see(...given);
    return real.apply(this, given);
  } }[name]);
}
const filled = (b) => fetched(b?.byteLength, b?.buffer?.byteLength);
for (const name of ['randomBytes', 'pseudoRandomBytes', 'prng', 'rng']) watch(crypto, name, (n) => fetched(n));
watch(crypto, 'randomFillSync', filled);
watch(crypto, 'randomFill', filled);
if (crypto.webcrypto) {
  const web = Object.getPrototypeOf(crypto.webcrypto);
  watch(web, 'getRandomValues', filled);
  const id = web.randomUUID;
  if (id) {
    replace(web, 'randomUUID', function randomUUID() {
      return this === crypto.webcrypto ? uuid.call(crypto, { disableEntropyCache: true }) : id.call(this);
    });
  }
}

// WebAssembly that asks its host for random bytes by name, as WASI does, keeps a generator of its own.
if (typeof WebAssembly === 'object') {
  const { imports } = WebAssembly.Module;
  const look = (module) => {
    if (imports(module).some((i) => /random|entropy/i.test(i.name))) repeats();
  };
  replace(WebAssembly, 'Instance', new Proxy(WebAssembly.Instance, {
    construct(real, given, target) {
      const made = Reflect.construct(real, given, target);
      look(given[0]);
      return made;
    },
  }));
  for (const name of ['instantiate', 'instantiateStreaming']) {
    const real = WebAssembly[name];
    if (!real) continue;
    replace(WebAssembly, name, { [name](source, given) {
      return real.call(WebAssembly, source, given).then((made) => {
        look(made.module ?? source);
        return made;
      });
    } }[name]);
  }
}

// Math.random: sfc32, seeded anew whenever time has moved on by more than a
// blink. Between a snapshot and an event after it lies far more than that, on the wall clock.
const blinkMs = 20;
const clock = Date.now;
const bytes = crypto.randomBytes;
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
function random() {
  const now = clock();
  if (now - seeded > blinkMs || now < seeded) {
    const s = bytes(16);
    a = s.readInt32LE(0); b = s.readInt32LE(4); c = s.readInt32LE(8); d = s.readInt32LE(12);
    seeded = now;
  }
  return (step() * 0x200000 + (step() >>> 11)) / 0x20000000000000;
}
replace(Math, 'random', random);

// Other contexts have a Math.random each, which draws from ours; one that the function has put there is left. Nothing of ours
// but numbers gets into a context, no error either.
const inside = `(draw) => {
  if (Function.prototype.toString.call(Math.random) !== 'function random() { [native code] }') return;
  Object.defineProperty(Math, 'random', { ...Object.getOwnPropertyDescriptor(Math, 'random'), value: { random() {
    try { return draw(); } catch { throw new RangeError('Maximum call stack size exceeded'); }
  } }.random });
}`;
const script = new vm.Script(inside, { filename: 'node:internal/random' });
const runIn = script.runInContext;
const known = new WeakSet();
const create = vm.createContext;
function createContext(...given) {
  const made = Reflect.apply(create, vm, given);
  if (!known.has(made)) {
    known.add(made);
    try {
      runIn.call(script, made)(random);
    } catch { // the function's own Math, or one that cannot be written to
      repeats();
    }
  }
  return made;
}
function contextOf(object, options) {
  const o = typeof options === 'object' && options !== null ? options : {};
  try {
    return createContext(object, {
      name: o.contextName, origin: o.contextOrigin, codeGeneration: o.contextCodeGeneration, microtaskMode: o.microtaskMode,
    });
  } catch { // what is wrong, the real one says better
    return object;
  }
}
const runNew = vm.runInNewContext;
const runScript = vm.Script.prototype.runInNewContext;
replace(vm, 'createContext', createContext);
replace(vm, 'runInNewContext', function runInNewContext(code, object, options) {
  return runNew.call(this, code, contextOf(object, options), options);
});
replace(vm.Script.prototype, 'runInNewContext', function runInNewContext(object, options) {
  return runScript.call(this, contextOf(object, options), options);
});
if (typeof ShadowRealm === 'function') {
  replace(globalThis, 'ShadowRealm', new Proxy(ShadowRealm, {
    construct(real, given, target) {
      const made = Reflect.construct(real, given, target);
      real.prototype.evaluate.call(made, inside)(random);
      return made;
    },
  }));
}

// A thread that is started with options of its own may not load this file.
replace(threads, 'Worker', new Proxy(threads.Worker, {
  construct(real, given, target) {
    const { env, execArgv } = given[1] ?? {};
    const own = typeof env === 'object' && env !== null;
    if ((own || execArgv) && !String((own ? env : process.env).NODE_OPTIONS).includes(__filename)) repeats();
    return Reflect.construct(real, given, target);
  },
}));

require('node:module').syncBuiltinESMExports();
