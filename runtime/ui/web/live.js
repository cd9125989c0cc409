// The board of all jobs as the server tells of it, kept up through breaks of the connection.
import { store, useStore, kept, t, span } from './lib.js';
import { stream } from './api.js';
import { td } from './i18n.js';

export const board = store({ jobs: new Map(), queue: { queued: 0, running: 0 }, connected: false, loaded: false, tried: false, refused: '' }); // tried: it could not be had, and is asked for again
export const previews = new Map(); // by job: an address of the latest picture
export const useBoard = () => useStore(board);

// mine are the jobs that this browser has sent; who has asked for it is told of their end.
export const mine = kept('mine', []);
export const notify = kept('notify', false);
const watchers = new Set();
export const onEnded = (f) => { watchers.add(f); return () => watchers.delete(f); };

const ended = (j) => !['queued', 'running'].includes(j.status);
export const isEnded = ended;

let last = '';

function takeJobs(news) {
  const b = board.get();
  const jobs = news.whole ? new Map() : new Map(b.jobs);
  for (const j of news.jobs) {
    const was = b.jobs.get(j.id);
    const now = Date.now();
    j.seen = now;
    jobs.set(j.id, j);
    if (ended(j)) drop(j.id);
    if (ended(j) && (was ? !ended(was) : mine.get().includes(j.id) && now - new Date(j.finished_at) < 60_000 && b.loaded)) for (const f of watchers) f(j);
  }
  for (const id of news.gone) jobs.delete(id);
  board.set({ jobs, queue: news.queue, connected: true, loaded: true, refused: '' });
}

function drop(id) {
  if (previews.has(id)) URL.revokeObjectURL(previews.get(id));
  previews.delete(id);
}

function takePreview(p) {
  if (!board.get().jobs.has(p.id)) return;
  const raw = Uint8Array.from(atob(p.image), (c) => c.charCodeAt(0));
  drop(p.id);
  previews.set(p.id, URL.createObjectURL(new Blob([raw], { type: p.content_type })));
  board.set({ ...board.get() });
}

function take(e) {
  if (e.id) last = e.id;
  if (e.type === 'jobs') takeJobs(JSON.parse(e.data)); else if (e.type === 'preview') takePreview(JSON.parse(e.data));
}

const offline = () => board.set({ ...board.get(), connected: false, tried: true });
const online = () => { if (board.get().loaded) board.set({ ...board.get(), connected: true, refused: '' }); }; // nothing need have changed meanwhile
const refuse = (why) => board.set({ ...board.get(), refused: why, loaded: true });

// lead follows the board for as long as the page is open. A page that is put away lets go of its connection: a browser has
// six for a server.
async function lead(tell) {
  let cut = new AbortController();
  addEventListener('pagehide', () => cut.abort());
  for (let pause = 500; ; pause = Math.min(pause * 2, 10_000)) {
    cut = new AbortController();
    const pass = (e) => { take(e); tell(e); };
    let no = '';
    try { await stream('/v1/events', { last, take: pass, signal: cut.signal, opened: () => { pause = 500; online(); tell({ on: true }); } }); } catch (e) { if (e.status === 403) no = e.message; /* the rest is told by connected, and tried again */ }
    offline();
    tell(null);
    if (no) { refuse(no); tell({ no }); }
    await new Promise((r) => { setTimeout(r, pause); });
  }
}

// begin shares one connection among all pages of this browser: one of them leads, and another one when that is closed. Where
// the browser has no locks, as on plain http from elsewhere, each has its own.
export function begin() {
  if (!navigator.locks || !window.BroadcastChannel) return lead(() => {});
  const others = new BroadcastChannel('videosdgx-board');
  let leads = false;
  others.onmessage = ({ data }) => {
    if (data.hello) { if (leads && board.get().loaded) others.postMessage({ events: [{ id: last, type: 'jobs', data: JSON.stringify(whole()) }] }); } else if (!leads) data.events.forEach((e) => { if (e?.no) refuse(e.no); else if (e?.on) online(); else if (e) take(e); else offline(); });
  };
  navigator.locks.request('videosdgx-board', () => {
    leads = true;
    return lead((e) => others.postMessage({ events: [e] }));
  });
  others.postMessage({ hello: true });
  return undefined;
}

const whole = () => ({ jobs: [...board.get().jobs.values()], gone: [], whole: true, queue: board.get().queue });

onEnded((j) => {
  if (!notify.get() || !mine.get().includes(j.id) || !document.hidden || !('Notification' in window) || Notification.permission !== 'granted') return;
  let n;
  try { n = new Notification(td('state', j.status), { body: j.request.prompt || '', tag: j.id }); } catch { return; } // the page says it, too
  n.onclick = () => { window.focus(); location.hash = `#/make?job=${j.id}`; };
});

// title says in the browser's tab how far the work is.
board.listen((b) => {
  const running = [...b.jobs.values()].find((j) => j.status === 'running' && mine.get().includes(j.id));
  const part = running && share(running);
  document.title = running ? `${part != null ? `${Math.round(part * 100)}% · ` : '· '}${t('title')}` : t('title');
});

// left is how many seconds a job should still take, from what the server said when it was last seen; null: not known.
export function left(j, now = Date.now()) {
  return j.eta_seconds == null ? null : Math.max(0, j.eta_seconds - (now - j.seen) / 1000);
}

// eta is left in words.
export function eta(j, now) {
  const s = left(j, now);
  if (s == null) return null;
  return s < 1 ? t('eta.soon') : t('eta', { time: span(s) });
}

// share is how much of a running job's phase is done, from 0 to 1; null: not known.
export function share(j) {
  const p = j.progress;
  if (p?.total_bytes) return Math.min(1, (p.done_bytes || 0) / p.total_bytes);
  return p?.steps ? p.step / p.steps : null;
}
