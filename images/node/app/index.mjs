// A Lambda function as people write them. An event without options comes back as it is.
import { randomUUID } from 'node:crypto';
import { createContext, runInContext, runInNewContext } from 'node:vm';

const room = createContext();
const draw = () => ({
  random: Math.random(), uuid: randomUUID(), again: Math.random(), web: globalThis.crypto?.randomUUID(),
  inside: runInContext('Math.random()', room), anew: runInNewContext('Math.random()'),
});
draw(); // what a library does while it loads

export const handler = async (event) => {
  if (event?.random) return draw();
  if (event?.fail) throw new RangeError(event.fail);
  return event;
};
