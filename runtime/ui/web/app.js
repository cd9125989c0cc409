// The page's frame: navigation, theme, language, the key, and which part is shown.
import { html, render, useState, useEffect, useMemo, useRef, kept, useStore, t, icon, Toasts, Question, Dialog, toast, failed, Waiting } from './lib.js';
import { languages, setLanguage, rememberLanguage, locale, td } from './i18n.js';
import { asked, session, enter, leave, whoAmI, get } from './api.js';
import { begin, useBoard, notify, onEnded, mine } from './live.js';
import { Make, begun } from './make.js';
import { keepFocus } from './focus.js';

// Parts that are not seen first are loaded when they are.
const parts = {
  make: async () => Make,
  watch: async () => (await import('./watch.js')).Watch,
  gallery: async () => (await import('./gallery.js')).Gallery,
  models: async () => (await import('./models.js')).Models,
  analytics: async () => (await import('./analytics.js')).Analytics,
  experiments: async () => (await import('./experiments.js')).Experiments,
};
const names = Object.keys(parts);

const theme = kept('theme', 'auto');

function applyTheme(v) {
  const dark = v === 'dark' || (v === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  window.dispatchEvent(new Event('theme'));
}
theme.listen(applyTheme);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => applyTheme(theme.get()));

function route() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const name = names.includes(path) ? path : 'make';
  return { name, query: Object.fromEntries(new URLSearchParams(query || '')) };
}

function Login() {
  const a = useStore(asked);
  const [value, set] = useState('');
  const [said, say] = useState('');
  if (!a) return null;
  const done = async (e) => {
    e.preventDefault();
    try { await enter(value.trim()); set(''); say(''); a.resolve(); } catch (error) { say(error.status === 401 ? t('login.refused') : error.message); }
  };
  return html`<${Dialog} title=${t('login.title')} onClose=${() => {}} fixed>
    <form onSubmit=${done} class="stack">
      <p>${t('login.text')}</p>
      <label class=${`field ${said ? 'bad' : ''}`}><span class="label">${t('login.key')}</span>
        <input type="password" autocomplete="current-password" value=${value} onInput=${(e) => set(e.target.value)} required spellcheck="false" aria-describedby="login-said" /></label>
      <p class="error" id="login-said" role="alert">${said}</p>
      <footer><button class="primary" type="submit">${icon('key')}${t('login.enter')}</button></footer>
    </form><//>`;
}

function Settings({ onClose, redraw }) {
  const mode = useStore(theme);
  const told = useStore(notify);
  const pick = async (v) => { await rememberLanguage(v).catch(failed); redraw(); };
  const tell = async () => {
    if (told) return notify.set(false);
    if (!('Notification' in window)) return toast(t('notify.none'), 'error');
    const answer = await Notification.requestPermission();
    if (answer !== 'granted') return toast(t('notify.refused'), 'error');
    try { new Notification(t('notify'), { tag: 'notify' }).close(); } catch { return toast(t('notify.none'), 'error'); } // a phone's browser has the name alone
    return notify.set(true);
  };
  const choice = (name, label, options, value, onPick) => html`<fieldset class="choice"><legend>${label}</legend>
    <div class="segments">${options.map(([v, text]) => html`<label key=${v} lang=${name === 'language' ? v : undefined}><input type="radio" name=${name} checked=${v === value} onChange=${() => onPick(v)} /><span>${text}</span></label>`)}</div></fieldset>`;
  return html`<${Dialog} title=${t('settings')} onClose=${onClose}><div class="stack">
    ${choice('theme', t('theme'), ['auto', 'light', 'dark'].map((v) => [v, td('theme', v)]), mode, (v) => theme.set(v))}
    ${choice('language', t('language'), Object.entries(languages), locale(), pick)}
    <label class="switch-row"><span><strong>${t('notify')}</strong><small class="muted">${t('notify.text')}</small></span>
      <input type="checkbox" role="switch" class="switch" checked=${told} onChange=${tell} /></label>
    ${session.get().name && html`<div class="row between"><span>${t('login.as', { name: session.get().name })}</span><button class="quiet" onClick=${leave}>${icon('key')}${t('login.leave')}</button></div>`}
  </div><//>`;
}

function Frame() {
  const [at, go] = useState(route());
  const [, redraw] = useState(0);
  const [open, setOpen] = useState(false);
  const [shown, show] = useState(() => (at.name === 'make' ? { name: 'make', Part: Make } : {})); // what is there until another part is
  const [version, setVersion] = useState('');
  const main = useRef();
  const first = useRef(true);
  const b = useBoard();

  useEffect(() => {
    const move = () => go(route());
    addEventListener('hashchange', move);
    whoAmI();
    get('/api/v1/version').then((v) => setVersion(v.version), () => {});
    const off = onEnded((j) => {
      if (!mine.get().includes(j.id)) return;
      const show = { label: t('show'), run: () => { location.hash = `#/make?job=${j.id}`; } };
      toast(td('ended', j.status), j.status === 'completed' ? 'info' : 'error', show);
    });
    return () => { removeEventListener('hashchange', move); off(); };
  }, []);
  useEffect(() => {
    let stale = false;
    const take = (s) => { if (!stale) show({ name: at.name, ...s }); };
    parts[at.name]().then((Part) => take({ Part }), () => take({ error: new Error(t('error.part')) }));
    if (!first.current) main.current?.focus({ preventScroll: true });
    if (!first.current) scrollTo(0, 0);
    first.current = false;
    return () => { stale = true; };
  }, [at.name]);

  const busy = b.queue.queued + b.queue.running;
  const down = !b.connected && (b.loaded || b.tried);
  const last = useRef(at);
  if (shown.name === at.name) last.current = at;
  const part = useMemo(() => (shown.Part ? html`<${shown.Part} key=${shown.name + locale()} query=${last.current.query} />` // what the frame says is no news to it
    : html`<${Waiting} title=${t(`nav.${at.name}`)} error=${shown.error} again=${() => location.reload()} />`), [shown, last.current, locale()]);
  return html`<div class="frame">
    <a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); main.current.focus(); }}>${t('skip')}</a>
    <header class="side">
      <a class="brand" href="#/make" aria-label=${t('title')}><span class="mark" aria-hidden="true"></span><span class="brand-name">Videos<b>DGX</b></span></a>
      <nav aria-label=${t('nav')}><ul>${names.map((n) => html`<li key=${n}><a href=${`#/${n}`} aria-current=${n === at.name ? 'page' : undefined}>
        ${icon(n)}<span>${t(`nav.${n}`)}</span>${n === 'watch' && busy > 0 && html`<b class="count" aria-label=${t('nav.busy', { n: busy })}>${busy > 99 ? '99+' : busy}</b>`}</a></li>`)}</ul></nav>
      <div class="side-end">
        <button class="nav-button" onClick=${() => setOpen(true)}>${icon('settings')}<span>${t('settings')}</span></button>
        <p class="version"><span class=${`dot ${b.connected ? 'on' : down ? 'off' : ''}`} aria-hidden="true"></span>
          <span>${b.connected ? t('connected') : down ? t('disconnected') : t('connecting')}</span><span class="muted">${version}</span></p>
      </div>
    </header>
    <main id="main" tabindex="-1" ref=${main} aria-label=${t(`nav.${at.name}`)}>
      ${b.refused && html`<p class="banner" role="status" lang="en">${icon('alert')}${b.refused}</p>`}
      ${down && !b.refused && html`<p class="banner" role="status">${icon('alert')}${t('disconnected.text')}</p>`}
      ${b.queue.held && html`<p class="banner" role="status">${icon('alert')}${t('held')}</p>`}
      ${part}
    </main>
    ${open && html`<${Settings} onClose=${() => setOpen(false)} redraw=${() => redraw((n) => n + 1)} />`}
    <${Login} /><${Question} /><${Toasts} />
  </div>`;
}

// Paper is light.
addEventListener('beforeprint', () => { document.documentElement.dataset.theme = 'light'; });
addEventListener('afterprint', () => applyTheme(theme.get()));

// A file that is dropped beside its place would take the page's.
for (const kind of ['dragover', 'drop']) addEventListener(kind, (e) => { if (e.dataTransfer?.types.includes('Files')) e.preventDefault(); });

applyTheme(theme.get());
// The form comes in one piece with what is around it, unless the models take their time or the server asks for a key.
const patience = new Promise((r) => { setTimeout(r, 400); asked.listen(r); });
await Promise.all([setLanguage(), route().name === 'make' ? Promise.race([begun, patience]) : null]);
render(html`<${Frame} />`, document.getElementById('app'));
keepFocus(document.getElementById('app'));
document.documentElement.dataset.ready = 'true';
begin();
