// What a request should take, from what has been measured: how long until it starts, how long it runs.
import { get, may } from './api.js';
import { work, defaults } from './schema.js';
import { starting } from './clip.js';

const median = (all) => { const s = [...all].sort((a, b) => a - b); return s.length ? s[Math.floor(s.length / 2)] : null; };

// facts are what the server has measured of a model and its function.
export async function facts(model) {
  const [page, fn, up] = await Promise.all([
    get(`/v1/models/${encodeURIComponent(model.model)}/jobs?state=completed&limit=50`),
    may('read-all') ? get(`/api/v1/functions/${encodeURIComponent(model.function)}`).catch(() => null) : null,
    may('read-all') ? get(`/api/v1/instances?function=${encodeURIComponent(model.function)}`).catch(() => ({ instances: [] })) : { instances: [] },
  ]);
  return { done: page.jobs, fn, up: up.instances };
}

// estimate gives {start, make, from}: seconds, and on how many clips the second rests; null for what is not known.
export function estimate(known, all, values, queue) {
  if (!known) return null;
  const base = defaults(all);
  const done = known.done.filter((j) => j.duration_seconds > 0);
  const runs = done.map((j) => ({ seconds: Math.max(0.001, j.duration_seconds - (j.timing ? starting(j.timing) : 0)), work: work(all, { ...base, ...j.request }) }));
  const mine = work(all, { ...base, ...values });
  const same = runs.filter((r) => r.work === mine);
  const make = same.length ? median(same.map((r) => r.seconds)) : runs.length ? median(runs.map((r) => r.seconds / r.work)) * mine : null;
  return { start: toStart(known, queue, make), make, from: same.length || runs.length, same: same.length > 0 };
}

function toStart(known, queue, make) {
  const idle = known.up.some((i) => i.state === 'idle');
  const some = known.up.some((i) => i.state === 'idle' || i.state === 'busy');
  const { restoreNanoseconds: restore, plainStartNanoseconds: plain, chosen } = known.fn || {};
  const cold = ((chosen === 'snapshot' && restore) || plain || restore || 0) / 1e9;
  let wait = idle || some ? 0 : cold || null;
  if (queue.queued + (idle ? 0 : some ? queue.running : 0) > 0) {
    if (make == null) return null;
    wait = (wait || 0) + make * (queue.queued + (some && !idle ? 0.5 : 0));
  }
  return wait;
}
