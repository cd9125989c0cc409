// A clip and what belongs to it: the player, its thumbnail, its facts, and what can be done with it.
import { html, useState, useEffect, useRef, t, icon, Dialog, toast, failed, confirmed, span, bytes, clock, kept, useStore, classes, Bar, number, Chip, Failure, plainKey } from './lib.js';
import { td } from './i18n.js';
import { save, post, patch, remove, get } from './api.js';
import { previews, eta, share, isEnded, mine } from './live.js';
import { label } from './schema.js';

export const favourites = kept('favourites', []);
export const isVideo = (j) => (j.result?.content_type || '').startsWith('video/');
export const prompt = (j) => j.request?.prompt || t('noprompt');
export const clipPath = (j) => `/v1/jobs/${j.id}/download?inline=true`;
export const motion = () => !matchMedia('(prefers-reduced-motion: reduce)').matches;

// reuse takes a job's settings back into the form.
export const reused = { value: null };
export function reuse(j) {
  reused.value = { model: j.model, values: j.request };
  location.hash = `#/make?model=${encodeURIComponent(j.model)}&from=${j.id}`;
}

const kindOf = (j) => (j.result?.content_type || '').split('/')[0];
const kindIcon = (j) => icon({ audio: 'sound', image: 'image' }[kindOf(j)] || 'film');

// Player shows a job's result: a clip, a picture or a sound.
export function Player({ job, autoplay = true, loop = true, onVideo }) {
  const url = clipPath(job);
  const kind = kindOf(job);
  if (job.result?.removed) return html`<div class="stage-note">${kindIcon(job)}<p>${t('clip.removed')}</p></div>`;
  if (kind === 'image') return html`<img class="player" src=${url} alt=${prompt(job)} />`;
  if (kind === 'audio') return html`<audio class="player-audio" src=${url} controls aria-label=${prompt(job)}></audio>`;
  return html`<video class="player" src=${url} controls playsinline loop=${loop} autoplay=${autoplay && motion()} muted aria-label=${prompt(job)} ref=${onVideo}></video>`;
}

// Thumb is a small still that plays while it is pointed at or has the focus.
export function Thumb({ job, play, slow }) {
  const ref = useRef();
  const [near, setNear] = useState(!slow);
  useEffect(() => { const id = slow && setTimeout(() => setNear(true), 140); return () => clearTimeout(id); }, []);
  const url = near && job.status === 'completed' && !job.result?.removed && isVideo(job) ? clipPath(job) : null;
  const [shown, set] = useState(false);
  useEffect(() => {
    const v = ref.current;
    if (!v || !url) return;
    if (play && motion()) v.play().catch(() => {}); else { v.pause(); if (v.readyState > 0) v.currentTime = 0; }
  }, [play, url]);
  useEffect(() => () => { const v = ref.current; if (v) { v.removeAttribute('src'); v.load(); } }, []);
  if (previews.has(job.id)) return html`<img class="thumb shown" src=${previews.get(job.id)} alt="" />`;
  if (!url) return html`<div class=${classes('thumb-blank', job.status)} aria-hidden="true">${near && (job.status === 'completed' ? kindIcon(job) : icon(job.status === 'failed' || job.status === 'dead' ? 'alert' : 'watch'))}</div>`;
  return html`<video class=${classes('thumb', shown && 'shown')} ref=${ref} src=${url} muted loop playsinline preload="metadata" tabindex="-1" aria-hidden="true" onLoadedData=${() => set(true)}></video>`;
}

// begin plays what has begun to come: a browser's autoplay waits for more than that.
function begin(e) {
  if (motion() && e.target.currentTime === 0) e.target.play().catch(() => {});
}

// Live shows a job in the making: the latest preview, the phase, and how long it takes.
export function Live({ job, now, large }) {
  const picture = previews.get(job.id);
  const soon = eta(job, now);
  const part = share(job);
  const waits = job.status === 'queued';
  return html`<div class=${classes('live', large && 'large', job.links?.stream && 'grows')}>
    ${job.links?.stream ? html`<video class="live-picture" src=${job.links.self + '/stream.mp4'} muted controls playsinline aria-label=${prompt(job)} onCanPlay=${begin}></video>`
    : picture ? html`<img class="live-picture" src=${picture} alt=${t('preview.alt')} />` : html`<div class="aurora" aria-hidden="true"></div>`}
    <div class="live-text">
      <strong>${waits ? (job.position ? t('queue.position', { n: number(job.position) }) : td('state', 'queued')) : phase(job)}</strong>
      <span>${soon || (waits ? job.reason || '' : job.progress?.message || '')}</span>
      ${!waits && html`<${Bar} value=${part} label=${phase(job)} />`}
    </div></div>`;
}

export function phase(j) {
  const p = j.progress;
  if (!p?.phase) return td('state', 'starting');
  const name = td('phase', p.phase);
  return p.steps > 1 ? t('phase.step', { phase: name, step: number(p.step), steps: number(p.steps) }) : name;
}

export function Trouble({ job }) {
  const e = job.error;
  return html`<div class="trouble"><span class="trouble-icon">${icon('alert')}</span><strong>${td('state', job.status)}</strong>
    ${e && html`<p lang="en">${e.detail}</p>`}
    ${e?.log && html`<details><summary>${t('log')}</summary><pre class="log" tabindex="0">${e.log}</pre></details>`}
  </div>`;
}

export async function cancel(j, tell = true) {
  try { await remove(`/v1/jobs/${j.id}`); if (tell) toast(td('ended', 'cancelled')); } catch (e) { failed(e); }
}
export async function again(j) {
  try {
    await post(`/v1/jobs/${j.id}/retry`);
    mine.set((all) => [...new Set([...all, j.id])].slice(-200));
    toast(t('retried'));
  } catch (e) { failed(e); }
}
// Priority lets the reader say what of what waits is made sooner.
export function Priority({ job }) {
  const [wanted, want] = useState(null); // until the board tells of it
  useEffect(() => want(null), [job.priority]);
  const change = async (p) => {
    want(p);
    try { await patch(`/v1/jobs/${job.id}`, { priority: p }); toast(t('priority.changed', { priority: td('priority', p) })); } catch (e) { want(null); failed(e); }
  };
  const now = wanted || job.priority;
  return html`<select class="priority" aria-label=${t('priority.of', { prompt: prompt(job) })} title=${t('priority')} value=${now} aria-busy=${wanted != null && wanted !== job.priority ? 'true' : undefined} onChange=${(e) => change(e.target.value)}>
    ${['high', 'normal', 'low'].map((p) => html`<option key=${p} value=${p} selected=${p === now}>${td('priority', p)}</option>`)}</select>`;
}

export async function erase(j) {
  if (!await confirmed(t('delete.sure'), t('delete'))) return false;
  try { await remove(`/v1/jobs/${j.id}?purge=true`); favourites.set((f) => f.filter((x) => x !== j.id)); toast(t('deleted')); return true; } catch (e) { failed(e); return false; }
}

export function Favourite({ job, small, stop }) {
  const all = useStore(favourites);
  const on = all.includes(job.id);
  const name = on ? t('favourite.off') : t('favourite.on');
  return html`<button class=${classes('icon-button', on && 'lit', small && 'small')} tabindex=${stop} aria-pressed=${on ? 'true' : 'false'} aria-label=${name} title=${name}
    onClick=${(e) => { e.stopPropagation(); favourites.set(on ? all.filter((x) => x !== job.id) : [...all, job.id]); }}>${icon('star', on)}</button>`;
}

// Actions are the buttons of a job, as its state allows.
export function Actions({ job, onGone }) {
  const done = job.status === 'completed' && !job.result?.removed;
  return html`<div class="actions">
    ${job.status === 'queued' && html`<${Priority} job=${job} />`}
    ${!isEnded(job) && html`<button class="quiet" onClick=${() => cancel(job)}>${icon('x')}${t('cancel.job')}</button>`}
    ${['failed', 'dead', 'cancelled'].includes(job.status) && html`<button class="quiet" onClick=${() => again(job)}>${icon('retry')}${t('retry')}</button>`}
    ${done && html`<button class="quiet" onClick=${() => save(`/v1/jobs/${job.id}/download`)}>${icon('download')}${t('download')}</button>`}
    <button class="quiet" onClick=${() => reuse(job)}>${icon('settings')}${t('reuse')}</button>
    ${isEnded(job) && html`<${Favourite} job=${job} /><button class="icon-button" aria-label=${t('delete')} title=${t('delete')} onClick=${async () => { if (await erase(job)) onGone?.(job); }}>${icon('trash')}</button>`}
  </div>`;
}

// Facts are what is known of a job, and what its clip says of itself.
export function Facts({ job }) {
  const [own, set] = useState(null);
  useEffect(() => {
    set(null);
    if (job.status !== 'completed' || job.result?.removed || job.result?.content_type !== 'video/mp4') return undefined;
    const stop = new AbortController();
    import('./mp4.js').then(({ read }) => read(`/v1/jobs/${job.id}/download`, stop.signal)).then(set, () => {});
    return () => stop.abort();
  }, [job.id, job.status]);
  const row = (name, value) => value != null && value !== '' && html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`;
  const asked = Object.entries(job.request || {}).filter(([k, v]) => k !== 'prompt' && v !== '' && typeof v !== 'object');
  const timing = job.timing;
  return html`<dl class="facts">
    ${row(t('model'), job.model)}
    ${job.version && row(t('version'), job.version + (timing?.version && timing.version !== job.version ? ` → ${timing.version}` : ''))}
    ${row(t('created'), clock(job.created_at))}
    ${row(t('took'), job.duration_seconds ? span(job.duration_seconds) : null)}
    ${timing?.cold && row(t('started.cold'), span(starting(timing)))}
    ${asked.map(([k, v]) => row(label({ name: k }), String(v)))}
    ${own && row(t('clip.size'), `${own.width} × ${own.height}`)}
    ${own?.seconds > 0 && row(t('clip.length'), span(own.seconds))}
    ${job.result && row(t('file'), bytes(job.result.size_bytes))}
    ${job.links?.stream && row(t('stream.address'), html`<a class="mono" href=${job.links.stream}>${location.origin + job.links.stream}</a>`)}
    ${own?.comment && html`<div class="full" key="own"><dt>${t('clip.own')}</dt><dd><pre class="code" tabindex="0">${pretty(own.comment)}</pre></dd></div>`}
    ${job.result && html`<div class="full" key="sum"><dt>SHA-256</dt><dd class="mono">${job.result.sha256}</dd></div>`}
  </dl>`;
}

// starting is how long an instance took to come up, in seconds.
export const starting = (x) => ['evict', 'create', 'start', 'restore', 'init'].reduce((n, k) => n + (x[`${k}_seconds`] || 0), 0);

function pretty(text) { try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; } }

// Detail is a window with one job, found on the board or asked for.
export function Detail({ job: given, onClose, onGone, onMove }) {
  const [whole, set] = useState(null); // of an ended job; one that lives is what the board tells
  useEffect(() => { if (isEnded(given)) get(`/v1/jobs/${given.id}`).then(set, () => {}); }, [given.id, given.status]);
  const job = isEnded(given) && whole?.id === given.id ? whole : given;
  useEffect(() => {
    if (!onMove) return undefined;
    const f = (e) => {
      if (!plainKey(e)) return;
      if (e.key === 'ArrowRight') onMove(1); else if (e.key === 'ArrowLeft') onMove(-1);
    };
    addEventListener('keydown', f);
    return () => removeEventListener('keydown', f);
  }, [onMove]);
  return html`<${Dialog} wide title=${td('state', job.status)} label=${prompt(job)} onClose=${onClose}>
    <div class="detail">
      <div class="detail-stage">${job.status === 'completed' ? html`<${Player} job=${job} />` : isEnded(job) ? html`<${Trouble} job=${job} />` : html`<${Live} job=${job} now=${Date.now()} />`}</div>
      <div class="detail-text"><p class="prompt">${prompt(job)}</p><${Actions} job=${job} onGone=${onGone} /><${Facts} job=${job} /></div>
    </div><//>`;
}
