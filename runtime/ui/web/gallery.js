// Gallery: everything that was made. Only the rows that are seen are there; more come as the reader scrolls.
import { html, useState, useEffect, useRef, useCallback, t, icon, classes, Empty, Failure, ago, failed, useStore, useLoad, Dialog, toast } from './lib.js';
import { td, tn } from './i18n.js';
import { get } from './api.js';
import { onEnded } from './live.js';
import { Thumb, Detail, Favourite, favourites, prompt, clipPath, Facts, reuse, motion } from './clip.js';

const page = 200;

// useJobs gives the jobs that a search finds, page by page.
function useJobs(search) {
  const [state, set] = useState({ jobs: [], next: '', loading: true, error: null });
  const turn = useRef(0);
  const at = useRef(state);
  at.current = state;
  const load = useCallback(async (fresh) => {
    const mine = fresh ? ++turn.current : turn.current;
    if (!fresh && (at.current.loading || !at.current.next)) return;
    set((s) => ({ ...s, loading: true, error: null }));
    at.current = { ...at.current, loading: true };
    try {
      const got = search.favourites ? { jobs: await known(favourites.get(), search) } : await get(address(search, fresh ? '' : at.current.next));
      if (mine === turn.current) set((s) => ({ jobs: fresh ? got.jobs : [...s.jobs, ...got.jobs], next: got.next || '', loading: false, error: null }));
    } catch (error) { if (mine === turn.current) set((s) => ({ ...s, loading: false, error })); }
  }, [JSON.stringify(search)]);
  useEffect(() => { load(true); }, [load]);
  useEffect(() => onEnded((j) => { if (fits(j, search)) set((s) => ({ ...s, jobs: [j, ...s.jobs.filter((x) => x.id !== j.id)] })); }), [load]);
  const drop = (j) => set((s) => ({ ...s, jobs: s.jobs.filter((x) => x.id !== j.id) }));
  return { ...state, more: () => load(false), again: () => load(true), drop };
}

function address(s, before) {
  const q = new URLSearchParams({ limit: page, state: s.state });
  if (s.model) q.set('model', s.model);
  if (s.text) q.set('q', s.text);
  if (before) q.set('before', before);
  return `/v1/jobs?${q}`;
}

const fits = (j, s) => !s.favourites && s.state.split(',').includes(j.status) && (!s.model || j.model === s.model) && prompt(j).toLowerCase().includes(s.text.toLowerCase());

async function known(ids, s) {
  const all = await Promise.all([...ids].reverse().map((id) => get(`/v1/jobs/${id}`).catch(() => null)));
  return all.filter((j) => j && (!s.model || j.model === s.model) && prompt(j).toLowerCase().includes(s.text.toLowerCase()));
}

export function Gallery() {
  const [text, setText] = useState('');
  const [typed, setTyped] = useState('');
  const [model, setModel] = useState('');
  const [show, setShow] = useState('completed');
  const [picked, setPicked] = useState([]);
  const [comparing, setComparing] = useState(false);
  const [open, setOpen] = useState(null);
  const models = useLoad(() => get('/v1/models').then((x) => x.models.map((m) => m.model)), []);
  const list = useJobs({ text, model, state: show === 'failed' ? 'failed,dead,cancelled' : 'completed', favourites: show === 'favourites' });
  useEffect(() => { const id = setTimeout(() => setText(typed.trim()), 250); return () => clearTimeout(id); }, [typed]);
  const toggle = (j) => setPicked((p) => (p.some((x) => x.id === j.id) ? p.filter((x) => x.id !== j.id) : [...p.slice(-3), j]));
  const move = (by) => { const i = list.jobs.findIndex((j) => j.id === open.id) + by; if (list.jobs[i]) setOpen(list.jobs[i]); };
  const filtered = typed || model || show !== 'completed';
  return html`<div class="page">
    <div class="page-head"><h1>${t('nav.gallery')}</h1></div>
    <search class="tools">
      <label class="search"><span class="sr">${t('gallery.search')}</span>${icon('search')}<input type="search" placeholder=${t('gallery.search')} value=${typed} onInput=${(e) => setTyped(e.target.value)} /></label>
      <label><span class="sr">${t('model')}</span><select value=${model} onChange=${(e) => setModel(e.target.value)}><option value="">${t('gallery.models')}</option>${(models.value || []).map((m) => html`<option key=${m} value=${m}>${m}</option>`)}</select></label>
      <div class="segments" role="group" aria-label=${t('gallery.show')}>${['completed', 'favourites', 'failed'].map((s) => html`<button key=${s} type="button" aria-pressed=${show === s ? 'true' : 'false'} onClick=${() => setShow(s)}>${td('gallery.show', s)}</button>`)}</div>
      ${picked.length > 0 && html`<div class="row grow end"><span class="muted small">${tn('gallery.picked', picked.length)}</span>
        <button class="quiet small" onClick=${() => setPicked([])}>${t('gallery.clear')}</button>
        <button class="primary small" disabled=${picked.length < 2} onClick=${() => setComparing(true)}>${icon('compare')}${t('gallery.compare')}</button></div>`}
    </search>
    ${list.error && html`<${Failure} error=${list.error} again=${list.again} />`}
    ${!list.loading && !list.error && !list.jobs.length && (filtered ? html`<${Empty} picture="search" title=${t('gallery.none')} text=${t('gallery.none.text')} />`
    : html`<${Empty} picture="gallery" title=${t('gallery.empty')} text=${t('gallery.empty.text')}><a class="button primary" href="#/make">${icon('make')}${t('nav.make')}</a><//>`)}
    ${list.jobs.length > 0 && html`<${Wall} list=${list} picked=${picked} onPick=${toggle} onOpen=${setOpen} />`}
    ${open && html`<${Detail} job=${open} onClose=${() => setOpen(null)} onMove=${move} onGone=${(j) => { list.drop(j); setOpen(null); }} />`}
    ${comparing && html`<${Compare} jobs=${picked} onClose=${() => setComparing(false)} />`}
  </div>`;
}

const gap = 16;
const caption = 60;

// Wall lays tiles out in columns as wide as there is room for, and keeps those in sight alone.
function Wall({ list, picked, onPick, onOpen }) {
  const ref = useRef();
  const [view, setView] = useState({ top: 0, height: 900, width: 0 });
  const [focused, setFocused] = useState(-1);
  useEffect(() => {
    let due = 0;
    const measure = () => {
      due = 0;
      const box = ref.current?.getBoundingClientRect();
      if (box) setView({ top: Math.max(0, -box.top), height: innerHeight, width: box.width });
    };
    const soon = () => { due ||= requestAnimationFrame(measure); };
    measure();
    const watch = new ResizeObserver(soon);
    watch.observe(ref.current);
    addEventListener('scroll', soon, { passive: true });
    return () => { watch.disconnect(); removeEventListener('scroll', soon); cancelAnimationFrame(due); };
  }, []);
  const columns = Math.max(1, Math.floor((view.width + gap) / (view.width < 500 ? 160 + gap : 236 + gap)));
  const width = view.width ? (view.width - gap * (columns - 1)) / columns : 236;
  const row = width * (9 / 16) + caption + gap;
  const rows = Math.ceil(list.jobs.length / columns);
  const first = Math.max(0, Math.floor(view.top / row) - 2);
  const last = Math.min(rows, Math.ceil((view.top + view.height) / row) + 2);
  useEffect(() => { if (last >= rows - 6 && list.next && !list.loading) list.more(); });
  const reach = (i) => {
    if (i < 0 || i >= list.jobs.length) return;
    const top = Math.floor(i / columns) * row;
    const box = ref.current.getBoundingClientRect();
    if (top + box.top < 80 || top + row + box.top > innerHeight - 80) scrollTo(0, scrollY + box.top + top - innerHeight / 3);
    setFocused(i);
    requestAnimationFrame(() => requestAnimationFrame(() => ref.current?.querySelector(`[data-at="${i}"] .tile-open`)?.focus({ preventScroll: true })));
  };
  const keys = (e, i) => {
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -i, End: list.jobs.length - 1 - i }[e.key];
    if (by === undefined) return;
    e.preventDefault();
    reach(i + by);
  };
  const begin = focused >= first * columns && focused < last * columns ? focused : first * columns; // the one tile that Tab stops at
  const seen = view.width ? list.jobs.slice(first * columns, last * columns) : [];
  return html`<p class="hint wall-keys">${t('gallery.keys')}</p><ul class="wall" ref=${ref} style=${{ height: `${rows * row - gap}px` }} aria-label=${t('nav.gallery')} aria-busy=${list.loading ? 'true' : 'false'}>
    ${seen.map((j, k) => {
    const i = first * columns + k;
    return html`<${Tile} key=${j.id} job=${j} at=${i} total=${list.next ? -1 : list.jobs.length} x=${(i % columns) * (width + gap)} y=${Math.floor(i / columns) * row} width=${width} height=${row - gap}
      picked=${picked.some((p) => p.id === j.id)} onPick=${onPick} onOpen=${onOpen} onKey=${keys} reachable=${begin === i} onReach=${setFocused} />`;
  })}</ul>`;
}

function Tile({ job, at, total, x, y, width, height, picked, onPick, onOpen, onKey, reachable, onReach }) {
  const [over, setOver] = useState(false);
  const stop = reachable ? 0 : -1;
  return html`<li class=${classes('tile', picked && 'picked')} data-at=${at} aria-setsize=${total} aria-posinset=${at + 1} style=${{ transform: `translate(${x}px, ${y}px)`, width: `${width}px`, height: `${height}px` }}
      onPointerEnter=${() => setOver(true)} onPointerLeave=${() => setOver(false)} onFocusCapture=${() => onReach(at)}>
    <button class="tile-open" tabindex=${stop} aria-label=${prompt(job)} onClick=${() => onOpen(job)} onKeyDown=${(e) => onKey(e, at)} onFocus=${() => setOver(true)} onBlur=${() => setOver(false)}><${Thumb} job=${job} play=${over} slow /></button>
    <div class="tile-text"><span class="tile-prompt" title=${prompt(job)}>${prompt(job)}</span><span class="muted">${job.model} · ${ago(job.finished_at || job.created_at)}</span></div>
    <label class="tile-pick"><input type="checkbox" tabindex=${stop} checked=${picked} onChange=${() => onPick(job)} aria-label=${t('gallery.pick', { prompt: prompt(job) })} /></label>
    <span class="tile-star"><${Favourite} job=${job} small stop=${stop} /></span></li>`;
}

// Compare plays clips side by side, in step.
function Compare({ jobs, onClose }) {
  const ref = useRef();
  const all = () => [...ref.current.querySelectorAll('video')];
  const play = () => all().forEach((v) => { v.currentTime = 0; v.play(); });
  const pause = () => all().forEach((v) => v.pause());
  return html`<${Dialog} title=${t('gallery.compare')} wide onClose=${onClose}><div class="compare" ref=${ref}>
    <div class="row"><button class="quiet small" onClick=${play}>${icon('play')}${t('compare.play')}</button><button class="quiet small" onClick=${pause}>${icon('stop')}${t('compare.stop')}</button></div>
    <div class="compare-grid">${jobs.map((j) => html`<section key=${j.id} aria-label=${prompt(j)}><video src=${clipPath(j)} muted loop playsinline controls autoplay=${motion()} aria-label=${prompt(j)}></video>
      <p class="prompt">${prompt(j)}</p><${Facts} job=${j} /><button class="quiet small" onClick=${() => reuse(j)}>${t('reuse')}</button></section>`)}</div></div><//>`;
}
