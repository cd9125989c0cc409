// What every part of the page uses: the view library, numbers and times in the reader's language, small components.
import { html, render, useState, useEffect, useRef, useMemo, useCallback, useLayoutEffect } from './vendor/htm-preact.js';
import { t, locale } from './i18n.js';
import { icon } from './icons.js';

export { html, render, useState, useEffect, useRef, useMemo, useCallback, useLayoutEffect, t, icon };

// useOnce gives a function that does nothing while what it began goes on: a second click is no second wish.
export function useOnce(f) {
  const busy = useRef(false);
  const latest = useRef(f);
  latest.current = f;
  return useCallback(async (...all) => {
    if (busy.current) return;
    busy.current = true;
    try { await latest.current(...all); } finally { busy.current = false; }
  }, []);
}

// plainKey says whether a key is pressed by itself, where it means nothing else: Alt and an arrow leave the page, a player has arrows of its own.
export const plainKey = (e) => !(e.altKey || e.ctrlKey || e.metaKey || e.target.matches?.('input,textarea,select,video,audio'));

// store is a value with listeners; useStore follows it.
export function store(value) {
  const all = new Set();
  return {
    get: () => value,
    set(next) { value = typeof next === 'function' ? next(value) : next; for (const f of [...all]) f(value); },
    listen(f) { all.add(f); return () => all.delete(f); },
  };
}

export function useStore(s) {
  const [, poke] = useState(0);
  const seen = s.get();
  useEffect(() => {
    if (s.get() !== seen) poke((n) => n + 1); // it changed before anybody listened
    return s.listen(() => poke((n) => n + 1));
  }, [s]);
  return seen;
}

// area is what this browser keeps for the page; where it may keep nothing, what lasts as long as the page does.
function area(name) {
  try { return window[name]; } catch { // its reader lets no site keep anything
    const all = new Map();
    return { getItem: (key) => all.get(key) ?? null, setItem: (key, value) => all.set(key, value) };
  }
}

// kept is a store whose value stays in this browser.
export function kept(name, first, where = 'localStorage') {
  const place = area(where);
  let value = first;
  try { value = JSON.parse(place.getItem(name)) ?? first; } catch { /* what is no JSON is as if it were not there */ }
  const s = store(value);
  s.listen((v) => { try { place.setItem(name, JSON.stringify(v)); } catch { /* a browser that keeps nothing */ } });
  return s;
}

// useTimer gives the time, anew every ms milliseconds; 0: never.
export function useTimer(ms) {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    if (!ms) return undefined;
    const id = setInterval(() => set(Date.now()), ms);
    return () => clearInterval(id);
  }, [ms]);
  return now;
}

// useLoad calls load once, again when one of deps changes, and every ms milliseconds while the page is seen. first is what is known
// of it already.
export function useLoad(load, deps, ms = 0, first = null) {
  const [state, set] = useState({ value: first, error: null, loading: first == null });
  const latest = useRef(load);
  latest.current = load;
  const turns = useRef({ asked: 0, least: 1 }); // least: the first question whose answer is news
  const again = useCallback(async () => {
    const mine = ++turns.current.asked;
    const news = () => {
      if (mine < turns.current.least) return false;
      turns.current.least = mine + 1; // a server that is slower than it is asked is shown all the same
      return true;
    };
    try {
      const value = await latest.current();
      if (news()) set((s) => (s.value === value && !s.error && !s.loading ? s : { value, error: null, loading: false }));
    } catch (error) { if (error.name !== 'AbortError' && news()) set((s) => ({ ...s, error, loading: false })); }
  }, []);
  useEffect(() => {
    turns.current.least = turns.current.asked + 1; // what was asked before is about something else
    again();
    if (!ms) return undefined;
    const id = setInterval(() => { if (!document.hidden) again(); }, ms);
    return () => clearInterval(id);
  }, deps);
  return { ...state, again };
}

const formats = new Map();
function format(make, key) {
  const name = locale() + key;
  if (!formats.has(name)) formats.set(name, make());
  return formats.get(name);
}

export const number = (v, digits = 0) => format(() => new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }), `n${digits}`).format(v);
export const percent = (v, digits = 0) => format(() => new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: digits }), `p${digits}`).format(v);
export const clock = (v) => format(() => new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short' }), 'c').format(new Date(v));

const unit = (v, name, digits) => format(() => new Intl.NumberFormat(locale(), { style: 'unit', unit: name, unitDisplay: 'narrow', maximumFractionDigits: digits }), name + digits).format(v);

// span is a length of time in seconds, in at most two units.
export function span(s) {
  if (s == null || !Number.isFinite(s)) return '–';
  if (s < 0.0995) return `${number(s * 1000, s < 0.00995 ? 1 : 0)} ms`;
  if (s < 9.95) return unit(s, 'second', 1);
  s = Math.round(s);
  if (s < 60) return unit(s, 'second', 0);
  if (s < 3600) return unit(Math.floor(s / 60), 'minute', 0) + (s % 60 ? ` ${unit(s % 60, 'second', 0)}` : '');
  if (s < 86400) return unit(Math.floor(s / 3600), 'hour', 0) + (s % 3600 >= 60 ? ` ${unit(Math.floor((s % 3600) / 60), 'minute', 0)}` : '');
  return unit(s / 86400, 'day', 1);
}

export function ago(when, now = Date.now()) {
  const s = (new Date(when) - now) / 1000;
  const f = format(() => new Intl.RelativeTimeFormat(locale(), { numeric: 'auto', style: 'short' }), 'r');
  for (const [name, size] of [['day', 86400], ['hour', 3600], ['minute', 60]]) if (Math.abs(s) >= size) return f.format(Math.trunc(s / size), name);
  return f.format(Math.trunc(s), 'second');
}

export function bytes(n) {
  if (!n) return '0 B';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const i = Math.min(units.length - 1, Math.floor(Math.log2(n) / 10));
  const v = n / 2 ** (10 * i);
  return `${number(v, v < 10 && i > 0 ? 1 : 0)} ${units[i]}`;
}

// size reads how the server writes a number of bytes, such as 512MiB.
export function size(v) {
  if (typeof v === 'number') return v;
  const [, n, unit = ''] = /^([\d.]+)\s*([KMGT]i?B)?$/.exec(String(v ?? '').trim()) || [];
  const power = 'KMGT'.indexOf(unit[0] || '-') + 1;
  return n ? Number(n) * (unit.includes('i') ? 1024 : 1000) ** power : 0;
}

export const clamp = (v, lo, hi) => Math.min(hi, Math.max(lo, v));
export const classes = (...all) => all.filter(Boolean).join(' ');

// Toasts are said at the end of the page, and to screen readers.
export const toasts = store([]);
let lastToast = 0;
export function toast(text, kind = 'info', action = null) {
  const id = ++lastToast;
  toasts.set((all) => [...all.filter((x) => x.action || x.text !== text).slice(-3), { id, text, kind, action }]); // the same again takes its own place
  setTimeout(() => toasts.set((all) => all.filter((x) => x.id !== id)), kind === 'error' ? 9000 : 5000);
}
export const failed = (error) => { if (error && error.name !== 'AbortError') toast(error.message, 'error'); };

export function Toasts() {
  const all = useStore(toasts);
  return html`<div class="toasts" role="status" aria-live="polite">${all.map((x) => html`<div key=${x.id} class=${`toast ${x.kind}`}>
    ${icon(x.kind === 'error' ? 'alert' : 'check')}<span>${x.text}</span>
    ${x.action && html`<button class="quiet small" onClick=${x.action.run}>${x.action.label}</button>`}
  </div>`)}</div>`;
}

// Dialog is a window over the page: focus stays in it, Escape and its cross close it.
export function Dialog({ title, onClose, children, wide, label, fixed }) {
  const ref = useRef();
  useLayoutEffect(() => {
    const d = ref.current;
    d.showModal();
    return () => d.open && d.close();
  }, []);
  const closed = () => { if (fixed) ref.current?.showModal(); else onClose(); }; // a browser closes it when Escape is pressed twice, whatever the page says
  return html`<dialog ref=${ref} class=${classes('window', wide && 'wide')} aria-label=${label || title}
      onClose=${closed} onCancel=${(e) => { e.preventDefault(); onClose(); }} onClick=${(e) => { if (e.target === ref.current) onClose(); }}>
    <div class="window-body">
      <header><h2>${title}</h2>${!fixed && html`<button class="icon-button" aria-label=${t('close')} title=${t('close')} onClick=${onClose}>${icon('x')}</button>`}</header>
      ${children}
    </div></dialog>`;
}

// ask lets the reader confirm what cannot be undone.
export const question = store(null);
export const confirmed = (text, label) => new Promise((resolve) => question.set({ text, label, resolve }));
export function Question() {
  const q = useStore(question);
  if (!q) return null;
  const end = (v) => { question.set(null); q.resolve(v); };
  return html`<${Dialog} title=${t('confirm.title')} onClose=${() => end(false)}>
    <p>${q.text}</p>
    <footer><button class="quiet" onClick=${() => end(false)}>${t('cancel')}</button><button class="danger" onClick=${() => end(true)}>${q.label}</button></footer>
  <//>`;
}

export function Empty({ picture, title, text, children }) {
  return html`<div class="empty"><div class="empty-art" aria-hidden="true">${icon(picture)}</div><h2>${title}</h2>${text && html`<p>${text}</p>`}${children}</div>`;
}

// Waiting is a part of the page before it has what it shows, or without it.
export function Waiting({ title, error, again }) {
  return html`<div class="page"><div class="page-head"><h1>${title}</h1></div>${error ? html`<${Failure} error=${error} again=${again} />` : html`<${Loading} />`}</div>`;
}

export function Failure({ error, again }) {
  return html`<div class="failure" role="alert">${icon('alert')}<div><strong>${t('failure')}</strong><p>${error.message}</p></div>
    ${again && html`<button class="quiet" onClick=${again}>${t('again')}</button>`}</div>`;
}

// Bar is progress from 0 to 1; null: how far is not known.
export function Bar({ value, label }) {
  const known = value != null;
  return html`<div class=${classes('bar', !known && 'unknown')} role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${known ? Math.round(value * 100) : undefined}>
    <div class="bar-fill" style=${{ width: known ? `${clamp(value, 0, 1) * 100}%` : '' }}></div></div>`;
}

// Loading stands for what is on its way, and is no part of it: what comes takes its place without having moved.
export const Loading = () => html`<div class="loading" aria-busy="true"></div>`;

export const Chip = ({ kind, children, title }) => html`<span class=${classes('chip', kind)} title=${title}>${children}</span>`;

// Tabs are one row of buttons of which one is chosen.
export function Tabs({ label, value, options, onPick }) {
  return html`<div class="segments" role="group" aria-label=${label}>${options.map((o) => html`<button key=${o.value} type="button" aria-pressed=${o.value === value ? 'true' : 'false'}
    onClick=${() => onPick(o.value)}>${o.label}</button>`)}</div>`;
}

export async function copy(text) {
  try { await navigator.clipboard.writeText(text); } catch {
    const area = document.createElement('textarea');
    area.value = text;
    (document.querySelector('dialog[open]') || document.body).append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  toast(t('copied'));
}
