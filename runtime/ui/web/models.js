// Models and functions: what is there, what runs, how much memory it has, how the last start went.
import { html, useState, useEffect, useRef, t, icon, classes, useLoad, Empty, Chip, Dialog, span, bytes, size, number, ago, failed, toast, confirmed, useTimer, useStore, Waiting } from './lib.js';
import { td, tn } from './i18n.js';
import { get, put, post, remove, send, lines, may, session } from './api.js';
import { starting } from './clip.js';
import { Tasks } from './tasks.js';

async function load() {
  const [fns, up, models, machine] = await Promise.all([get('/api/v1/functions'), get('/api/v1/instances'), get('/v1/models'), get('/api/v1/machine').catch(() => null)]);
  const falls = Object.fromEntries(await Promise.all(models.models.map(async (m) => [m.model, await fall(m.model, fns.functions.find((f) => f.function.name === m.function)?.coldStarts)])));
  return { falls, fns: fns.functions, up: up.instances.map((i) => ({ ...i, memory: size(i.memory) })), models: models.models, machine };
}

// fall gives the latest job that waited for a cold start, looked for again when there has been another one.
const known = new Map();
async function fall(model, starts) {
  const had = known.get(model);
  if (had?.starts === starts && (had.job || !starts)) return had.job;
  try {
    const job = (await get(`/v1/models/${encodeURIComponent(model)}/jobs?limit=50`)).jobs.find((j) => j.timing?.cold);
    known.set(model, { starts, job });
    return job;
  } catch { return had?.job; }
}

export function Models() {
  const all = useLoad(load, [], 2000);
  const [deploying, setDeploying] = useState(false);
  const now = useTimer(1000);
  useStore(session);
  if (!all.value) return html`<${Waiting} title=${t('nav.models')} error=${all.error} again=${all.again} />`;
  const { fns, up, models, machine, falls } = all.value;
  return html`<div class="page">
    <div class="page-head"><h1>${t('nav.models')}</h1>${may('manage') ? html`<button class="primary" onClick=${() => setDeploying(true)}>${icon('plus')}${t('deploy')}</button>` : html`<p class="muted small">${t('may.not', { scope: 'manage' })}</p>`}</div>
    ${machine && html`<${Machine} machine=${machine} up=${up} />`}
    ${!fns.length && html`<${Empty} picture="models" title=${t('models.empty')} text=${t('models.empty.text')}><pre class="code" tabindex="0">videosdgx deploy FOLDER</pre><//>`}
    <ul class="functions">${fns.map((f) => html`<${Fn} key=${f.function.name} fn=${f} up=${up.filter((i) => i.function === f.function.name)} model=${models.find((m) => m.function === f.function.name)} falls=${falls} now=${now} again=${all.again} total=${memory(machine)} />`)}</ul>
    <${Tasks} />
    ${deploying && html`<${Deploy} onClose=${() => { setDeploying(false); all.again(); }} />`}
  </div>`;
}

const memory = (m) => size(m?.memory?.total);

// Machine draws the memory of the machine to scale: each instance's share, what else is used, what is free.
function Machine({ machine, up }) {
  const total = memory(machine);
  if (!total) return null;
  const own = up.filter((i) => i.memory > 0);
  const ours = own.reduce((n, i) => n + i.memory, 0);
  const free = size(machine.memory.available);
  const other = Math.max(0, total - free - ours);
  const part = (n) => ({ width: `${(n / total) * 100}%` });
  return html`<section class="card machine" aria-labelledby="h-mem"><div class="section-head"><h2 id="h-mem">${t('memory')}</h2><span class="muted small">${t('memory.of', { used: bytes(total - free), total: bytes(total) })}</span></div>
    <div class="scale" role="img" aria-label=${t('memory.picture', { ours: bytes(ours), other: bytes(other), free: bytes(free), total: bytes(total) })}>
      ${own.map((i, k) => html`<span key=${i.id} class=${`part c${(k % 5) + 1}`} style=${part(i.memory)} title=${`${i.id}: ${bytes(i.memory)}`}></span>`)}<span class="part other" style=${part(other)} title=${`${t('memory.other')}: ${bytes(other)}`}></span></div>
    <ul class="legend">${own.map((i, k) => html`<li key=${i.id}><i class=${`c${(k % 5) + 1}`}></i>${i.id} <span class="muted">${bytes(i.memory)}</span></li>`)}<li><i class="other"></i>${t('memory.other')} <span class="muted">${bytes(other)}</span></li><li><i class="free"></i>${t('memory.free')} <span class="muted">${bytes(free)}</span></li></ul>
    ${(machine.gpus || []).map((g) => html`<p class="small" key=${g.uuid || g.name}>${icon('bolt')} ${g.name} ${g.total ? html`<span class="muted">${bytes(size(g.total))}</span>` : g.unified ? html`<span class="muted">${t('unified')}</span>` : ''}</p>`)}
    ${!(machine.gpus || []).length && machine.noGpu && html`<p class="muted small">${t('nogpu')}</p>`}</section>`;
}

const stateOf = (f, up) => (f.problem && !up.length ? 'broken' : up.some((i) => i.state === 'busy') ? 'busy' : up.some((i) => i.state === 'idle') ? 'warm' : up.some((i) => ['absent', 'starting', 'restoring'].includes(i.state)) ? 'starting' : up.some((i) => i.state === 'staged') ? 'staged' : 'zero');

function Fn({ fn: f, up, model, falls, now, again, total }) {
  const name = f.function.name;
  const [logs, setLogs] = useState(false);
  const [busy, setBusy] = useState('');
  const state = stateOf(f, up);
  const act = async (what, run) => { if (busy) return; setBusy(what); try { await run(); } catch (e) { failed(e); } setBusy(''); again(); };
  const path = `/api/v1/functions/${encodeURIComponent(name)}`;
  const runs = up.filter((i) => i.state !== 'staged');
  const erase = async () => { if (await confirmed(t('fn.delete.sure', { name }), t('fn.delete'))) act('delete', () => remove(path)); };
  return html`<li class="card fn"><div class="fn-head"><div><h2>${model?.model || name}</h2><p class="muted small">${f.function.description || f.function.image}</p></div><${Chip} kind=${state}>${td('fnstate', state)}<//></div>
    ${f.problem && html`<p class="error" lang="en">${f.problem}</p>`}
    ${up.length > 0 && html`<ul class="ups">${up.map((i) => html`<li key=${i.id}><span class="mono small">${i.id}</span><${Chip} kind=${i.state}>${i.start ? td('phase', i.start.phase) : td('instance', i.state)}<//>
      <span class="muted small">${i.memory ? bytes(i.memory) : ''}${i.served ? ` · ${tn('served', i.served)}` : ''}${i.expires ? ` · ${t('goes', { when: ago(i.expires, now) })}` : ''}</span>
      ${total > 0 && i.memory > 0 && html`<span class="scale thin" aria-hidden="true"><span class="part c1" style=${{ width: `${Math.max(0.5, (i.memory / total) * 100)}%` }}></span></span>`}
      ${may('manage') && html`<button class="quiet small" aria-label=${t('unload.of', { id: i.id })} aria-disabled=${busy ? 'true' : undefined} onClick=${() => act('unload', () => remove(`/api/v1/instances/${encodeURIComponent(i.id)}`))}>${t('unload')}</button>`}</li>`)}</ul>`}
    <dl class="facts three">
      <div><dt>${t('fn.calls')}</dt><dd>${number(f.invocations)}</dd></div><div><dt>${t('fn.cold')}</dt><dd>${number(f.coldStarts)}</dd></div><div><dt>${t('fn.errors')}</dt><dd>${number(f.errors)}</dd></div>
      <div><dt>${t('fn.start')}</dt><dd>${f.plainStartNanoseconds ? span(f.plainStartNanoseconds / 1e9) : '–'}</dd></div><div><dt>${t('fn.restore')}</dt><dd>${f.restoreNanoseconds ? span(f.restoreNanoseconds / 1e9) : '–'}</dd></div><div><dt>${t('fn.keep')}</dt><dd>${f.function.pin ? t('pinned') : span(f.keepAliveNanoseconds / 1e9)}</dd></div>
    </dl>
    ${model && html`<${Waterfall} job=${falls[model.model]} />`}
    <div class="actions">
      ${may('manage') && !runs.length && html`<button class="quiet" aria-disabled=${busy ? 'true' : undefined} aria-busy=${busy === 'load' ? 'true' : undefined} onClick=${() => act('load', () => post(`${path}/load`))}>${icon('power')}${t('load')}</button>`}
      ${may('manage') && html`<button class="quiet" aria-pressed=${f.function.pin ? 'true' : 'false'} aria-disabled=${busy ? 'true' : undefined} onClick=${() => act('pin', () => put(`${path}/pin`, { pin: !f.function.pin }))}>${icon('pin', f.function.pin)}${f.function.pin ? t('unpin') : t('pin')}</button>`}
      <button class="quiet" onClick=${() => setLogs(true)}>${icon('logs')}${t('logs')}</button>
      ${model && html`<a class="button quiet" href=${`#/make?model=${encodeURIComponent(model.model)}`}>${icon('make')}${t('nav.make')}</a>`}
      ${may('manage') && html`<button class="icon-button" aria-label=${t('fn.delete.of', { name })} title=${t('fn.delete')} onClick=${erase}>${icon('trash')}</button>`}</div>
    ${logs && html`<${Logs} name=${name} onClose=${() => setLogs(false)} />`}</li>`;
}

// Waterfall draws where the time of the last cold start went.
function Waterfall({ job }) {
  const x = job?.timing;
  if (!x) return null;
  const whole = starting(x) || 1e-9;
  let at = 0;
  const steps = ['evict', 'create', 'start', 'restore', 'init'].filter((k) => x[`${k}_seconds`] > 0).map((k, i) => { const n = x[`${k}_seconds`]; const s = { k, n, from: at, i }; at += n; return s; });
  return html`<figure class="fall"><figcaption><strong>${t('start.last')}</strong> <span class="muted">${span(whole)} · ${ago(job.started_at)}</span></figcaption>
    <ul>${steps.map((s) => html`<li key=${s.k}><span>${td('step', s.k)}</span><span class="track" aria-hidden="true"><i class=${`c${s.i + 1}`} style=${{ marginLeft: `${(s.from / whole) * 100}%`, width: `${Math.max(0.6, (s.n / whole) * 100)}%` }}></i></span><span class="num">${span(s.n)}</span></li>`)}</ul></figure>`;
}

function Logs({ name, onClose }) {
  const [rows, set] = useState([]);
  const ref = useRef();
  useEffect(() => {
    const stop = new AbortController();
    let buffer = [];
    const flush = setInterval(() => { if (buffer.length) { const add = buffer; buffer = []; set((r) => [...r, ...add].slice(-2000)); } }, 200);
    send('GET', `/api/v1/functions/${encodeURIComponent(name)}/logs?follow=true`, { signal: stop.signal }).then((a) => lines(a, (l) => buffer.push(l))).catch(failed);
    return () => { stop.abort(); clearInterval(flush); };
  }, [name]);
  useEffect(() => { const a = ref.current; if (a && a.scrollHeight - a.scrollTop - a.clientHeight < 120) a.scrollTop = a.scrollHeight; }, [rows]);
  return html`<${Dialog} title=${t('logs.of', { name })} wide onClose=${onClose}><pre class="log tall" ref=${ref} tabindex="0" role="log" aria-label=${t('logs.of', { name })}>${rows.length ? rows.map((l, i) => html`<div key=${i}>${l.split('\t').slice(3).join('\t') || l}</div>`) : t('logs.none')}</pre><//>`;
}

function Deploy({ onClose }) {
  const [v, set] = useState({ name: '', image: '', bundle: '', memory: '8GiB', gpus: '' });
  const [said, say] = useState('');
  const field = (name, needed) => html`<label class="field"><span class="label">${td('deploy', name)}</span><input type="text" value=${v[name]} required=${needed} spellcheck="false" autocapitalize="off" onInput=${(e) => set({ ...v, [name]: e.target.value })} /><small class="hint">${td('deployhelp', name)}</small></label>`;
  const go = async (e) => {
    e.preventDefault();
    const fn = { name: v.name.trim(), image: v.image.trim(), limits: { memory: v.memory.trim() }, ...(v.bundle.trim() ? { model: { name: v.name.trim(), bundle: v.bundle.trim() } } : {}), ...(v.gpus.trim() ? { gpus: v.gpus.split(/[ ,]+/).filter(Boolean) } : {}) };
    try { await put(`/api/v1/functions/${encodeURIComponent(fn.name)}`, fn); toast(t('deployed', { name: fn.name })); onClose(); } catch (error) { say(error.message); }
  };
  return html`<${Dialog} title=${t('deploy')} onClose=${onClose}><form class="stack" onSubmit=${go}>
    ${field('name', true)}${field('image', true)}${field('bundle')}${field('memory')}${field('gpus')}
    ${said && html`<p class="error" role="alert" lang="en">${said}</p>`}
    <footer><button type="button" class="quiet" onClick=${onClose}>${t('cancel')}</button><button class="primary" type="submit">${t('deploy')}</button></footer></form><//>`;
}
