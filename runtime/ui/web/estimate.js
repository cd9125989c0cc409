// What a request should take, from what has been measured: how long until it starts, how long it runs.
import { get, may } from './api.js';
import { work, defaults } from './schema.js';
import { starting } from './clip.js';
import { left } from './live.js';

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

// estimate gives {start, make, from}: seconds, and on how many clips the second rests; null for what is not known. board is what waits and runs.
export function estimate(known, all, values, board) {
  if (!known) return null;
  const base = defaults(all);
  const done = known.done.filter((j) => j.duration_seconds > 0);
  const runs = done.map((j) => ({ seconds: Math.max(0.001, j.duration_seconds - (j.timing ? starting(j.timing) : 0)), work: work(all, { ...base, ...j.request }) }));
  const mine = work(all, { ...base, ...values });
  const same = runs.filter((r) => r.work === mine);
  const make = same.length ? median(same.map((r) => r.seconds)) : runs.length ? median(runs.map((r) => r.seconds / r.work)) * mine : null;
  return { start: toStart(known, board, make), make, from: same.length || runs.length, same: same.length > 0 };
}

// toStart is the time until what waits has ended, as the server expects it; of what it expects nothing of, each is taken to be like this one.
function toStart(known, { queue, jobs }, make) {
  const idle = known.up.some((i) => i.state === 'idle');
  const some = known.up.some((i) => i.state === 'idle' || i.state === 'busy');
  const { restoreNanoseconds: restore, plainStartNanoseconds: plain, chosen } = known.fn || {};
  const cold = ((chosen === 'snapshot' && restore) || plain || restore || 0) / 1e9;
  const told = [...jobs.values()].filter((j) => j.status === 'queued').map((j) => left(j)).filter((s) => s != null);
  const last = Math.max(0, ...told);
  const others = Math.max(0, queue.queued - told.length) + (!told.length && some && !idle && queue.running ? 0.5 : 0);
  if (others && make == null) return null;
  const wait = last + (others ? make * others : 0);
  return some ? wait : cold || wait ? cold + wait : null;
}
