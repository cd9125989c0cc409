// A Lambda function as people write them for Node.js; nothing in it knows of VideosDGX. An event without options comes
// back as it is.
'use strict';
const crypto = require('node:crypto');

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

exports.handler = async (event, context) => {
  const o = event && typeof event === 'object' ? event : {};
  if (o.log) console.log(o.log);
  if (o.sleepMs) await sleep(o.sleepMs);
  if (o.fail) throw new RangeError(o.fail);
  if (o.exit !== undefined) process.exit(o.exit);
  if (o.bytes) return 'x'.repeat(o.bytes);
  if (o.random) {
    return {
      bytes: crypto.randomBytes(16).toString('hex'),
      uuid: crypto.randomUUID(),
      math: [Math.random(), Math.random()],
    };
  }
  if (o.context) {
    return {
      id: context.awsRequestId, arn: context.invokedFunctionArn, function: context.functionName,
      memory: context.memoryLimitInMB, remainingMs: context.getRemainingTimeInMillis(),
    };
  }
  if (o.time) return { unixMs: Date.now(), uptimeS: process.uptime() };
  return event;
};

// stream answers in pieces; awslambda is a global of the runtime interface client.
exports.stream = globalThis.awslambda?.streamifyResponse(async (event, out) => {
  out.setContentType('text/plain');
  for (let i = 0; i < (event.pieces ?? 3); i++) {
    out.write(`piece ${i}\n`);
    await sleep(event.gapMs ?? 50);
  }
  out.end();
});
