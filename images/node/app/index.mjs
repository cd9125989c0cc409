// A Lambda function as people write them. An event without options comes back as it is.
import { randomUUID } from 'node:crypto';

export const handler = async (event) => {
  if (event?.random) return { random: Math.random(), uuid: randomUUID(), again: Math.random() };
  if (event?.fail) throw new RangeError(event.fail);
  return event;
};
