// Requests to the server's public API. Where the server asks for a key, the reader shows it once and has a session then.
import { store } from './lib.js';
import { t } from './i18n.js';

// Problem is an answer that is no success: its message says what is wrong, fields which fields are.
export class Problem extends Error {
  constructor(status, said) {
    const body = said ?? {}; // what is no object has nothing to say
    super([body.detail, body.message, body.Message, body.title].find((x) => x && typeof x === 'string') || t('error.status', { status }));
    this.name = 'Problem';
    this.status = status;
    this.fields = [body.errors, body.fields].find(Array.isArray) || [];
  }
}

// session is who the server takes this browser for; asks: whether it asks at all.
export const session = store({ asks: false });
export async function whoAmI() { try { session.set(await get('/api/v1/session')); } catch { /* a server that knows no sessions asks nobody */ } }

// may says whether the server lets this reader do what a scope is for.
export const may = (scope) => { const s = session.get(); return !s.asks || !s.scopes || s.scopes.includes('manage') || s.scopes.includes(scope); };

// enter shows a key, for which the server gives a cookie that no script can read. A Problem says why not.
export async function enter(key) {
  const answer = await fetch('/api/v1/session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ key }) })
    .catch(() => { throw new Problem(0, { detail: t('error.network') }); });
  if (!answer.ok) throw await problemOf(answer);
  session.set(await answer.json());
  pages?.postMessage('key');
}

export async function leave() {
  await fetch('/api/v1/session', { method: 'DELETE' });
  pages?.postMessage('key');
  location.reload();
}

// pages are those of this browser, which have one session: where one of them shows a key, the others need not ask, and offer what it opens.
const pages = window.BroadcastChannel && new BroadcastChannel('videosdgx-session');
if (pages) pages.onmessage = async () => {
  const answer = await fetch('/api/v1/session').catch(() => null);
  if (!answer?.ok) return;
  session.set(await answer.json());
  asked.get()?.resolve();
};

// asked is set while the page waits for a key.
export const asked = store(null);
let waiting = null;
export function login() {
  waiting ||= new Promise((resolve) => asked.set({ resolve })).finally(() => { waiting = null; asked.set(null); });
  return waiting;
}

async function problemOf(answer) {
  const text = await answer.text();
  let body = {};
  try { body = JSON.parse(text); } catch { if (!text.trimStart().startsWith('<')) body = { detail: text.slice(0, 300) }; } // a document is for nobody to read here
  return new Problem(answer.status, body);
}

// send makes a request and gives its answer, which is a success; a Problem else. It asks for a key where one is wanted.
export async function send(method, path, { body, headers: more, signal, kind } = {}) {
  for (;;) {
    const h = new Headers(more);
    let payload = body;
    if (body !== undefined && !kind) { h.set('Content-Type', 'application/json'); payload = JSON.stringify(body); } else if (kind) h.set('Content-Type', kind);
    let answer;
    try { answer = await fetch(path, { method, headers: h, body: payload, signal }); } catch (e) {
      if (e.name === 'AbortError') throw e;
      throw new Problem(0, { detail: t('error.network') });
    }
    if (answer.status === 401) {
      await login();
      continue;
    }
    if (!answer.ok) throw await problemOf(answer);
    return answer;
  }
}

export async function get(path, options) { return json(await send('GET', path, options)); }
export async function post(path, body, options) { return json(await send('POST', path, { body: body ?? {}, ...options })); }
export async function put(path, body, options) { return json(await send('PUT', path, { body, ...options })); }
export async function patch(path, body) { return json(await send('PATCH', path, { body })); }
export async function remove(path) { return json(await send('DELETE', path)); }

// json is an answer's value; a Problem where it is none, as of one that was cut off.
export async function json(answer) {
  try {
    const text = await answer.text();
    return text ? JSON.parse(text) : null;
  } catch (e) {
    if (e.name === 'AbortError') throw e;
    throw new Problem(answer.status, { detail: t('error.cut') });
  }
}

// upload keeps a file on the server and gives what a request says for it. progress is told from 0 to 1.
export function upload(file, progress) {
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest();
    x.open('PUT', '/v1/uploads');
    x.setRequestHeader('Content-Type', file.type || 'application/octet-stream');
    x.upload.onprogress = (e) => progress?.(e.lengthComputable ? e.loaded / e.total : null);
    x.onerror = () => reject(new Problem(0, { detail: t('error.network') }));
    x.onload = () => {
      let body = {};
      try { body = JSON.parse(x.responseText); } catch { body = { detail: x.status === 201 ? t('error.cut') : x.responseText.slice(0, 300) }; }
      if (x.status === 201 && body?.reference) resolve(body); else reject(new Problem(x.status, body));
    };
    x.send(file);
  });
}

// stream reads server-sent events with send, so that it asks for a key where one is wanted; each is given to take as {id, type, data}.
export async function stream(path, { signal, last, opened, take }) {
  const answer = await send('GET', path, { signal, headers: { Accept: 'text/event-stream', ...(last ? { 'Last-Event-ID': last } : {}) } });
  opened?.();
  await lines(answer, (text) => {
    const e = { type: 'message', data: '', id: undefined };
    for (const line of text.split('\n')) {
      const at = line.indexOf(':');
      const name = at < 0 ? line : line.slice(0, at);
      const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '');
      if (name === 'event') e.type = value; else if (name === 'data') e.data += (e.data ? '\n' : '') + value; else if (name === 'id') e.id = value;
    }
    if (e.data) take(e);
  }, '\n\n');
}

// lines reads an answer's text as it comes and gives its parts between one end and the next.
export async function lines(answer, take, end = '\n') {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    for (let at = rest.indexOf(end); at >= 0; at = rest.indexOf(end)) {
      take(rest.slice(0, at));
      rest = rest.slice(at + end.length);
    }
  }
}

// save hands a file of the server to the browser's downloads.
export function save(path) {
  const a = document.createElement('a');
  a.href = path;
  a.download = '';
  a.click();
}
