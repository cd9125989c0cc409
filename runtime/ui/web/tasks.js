// Pull and build: what the server fetches and makes of it, while it does.
import { html, useState, useEffect, useRef, t, icon, useLoad, Bar, Chip, Dialog, failed, toast, ago } from './lib.js';
import { td } from './i18n.js';
import { get, post, remove, send, lines, may } from './api.js';

const open = (x) => ['waiting', 'running'].includes(x.state);

export function Tasks() {
  const all = useLoad(async () => (may('manage') ? get('/api/v1/tasks').catch(() => null) : null), [], 2000);
  const [repository, setRepository] = useState('');
  const [checkpoint, setCheckpoint] = useState('');
  const [seen, setSeen] = useState(null);
  if (!all.value) return null; // a server that runs none, or a reader who may not
  const { tasks, checkpoints } = all.value;
  const go = (wish) => async (e) => {
    e.preventDefault();
    try { await post('/api/v1/tasks', wish); toast(t('task.begun')); setRepository(''); } catch (x) { failed(x); }
    all.again();
  };
  const of = checkpoint || checkpoints[0] || '';
  return html`<section class="card pad stack" aria-labelledby="h-tasks"><h2 id="h-tasks">${t('tasks')}</h2>
    <div class="halves">
      <form class="field" onSubmit=${go({ kind: 'pull', repository: repository.trim() })}><label class="label" for="repository">${t('task.pull')}</label><div class="row nowrap"><input id="repository" type="text" required spellcheck="false" autocapitalize="off" placeholder=${t('task.repository')} value=${repository} onInput=${(e) => setRepository(e.target.value)} /><button class="quiet" type="submit">${icon('download')}${t('task.pull.go')}</button></div><small class="hint">${t('task.pull.help')}</small></form>
      <form class="field" onSubmit=${go({ kind: 'build', checkpoint: of })}><label class="label" for="checkpoint">${t('task.build')}</label><div class="row nowrap"><select id="checkpoint" disabled=${!checkpoints.length} value=${of} onChange=${(e) => setCheckpoint(e.target.value)}>${checkpoints.length ? checkpoints.map((c) => html`<option key=${c} value=${c} selected=${c === of}>${c}</option>`) : html`<option>${t('task.nocheckpoint')}</option>`}</select><button class="quiet" type="submit" disabled=${!checkpoints.length}>${icon('models')}${t('task.build.go')}</button></div><small class="hint">${t('task.build.help')}</small></form>
    </div>
    ${tasks.length > 0 && html`<ul class="ups">${tasks.slice(0, 8).map((x) => html`<li key=${x.id}><strong class="small">${td('task.kind', x.kind)} ${x.repository || x.checkpoint}</strong><${Chip} kind=${{ done: 'completed', failed: 'failed', running: 'running' }[x.state]}>${td('task.state', x.state)}<//><span class="muted small">${open(x) ? '' : ago(x.ended)}</span>
      <span class="row push"><button class="quiet small" onClick=${() => setSeen(x)}>${t('logs')}</button>${open(x) && html`<button class="quiet small" onClick=${() => remove(`/api/v1/tasks/${x.id}`).then(all.again, failed)}>${t('cancel')}</button>`}</span>
      ${open(x) && html`<span class="full wide-bar"><${Bar} value=${x.state === 'running' ? (x.progress ? x.progress / 100 : null) : 0} label=${x.repository || x.checkpoint} /></span>`}
      ${x.line && html`<span class="muted small full mono">${x.line}</span>`}</li>`)}</ul>`}
    ${seen && html`<${TaskLog} task=${seen} onClose=${() => setSeen(null)} />`}</section>`;
}

function TaskLog({ task, onClose }) {
  const [rows, set] = useState([]);
  useEffect(() => {
    const stop = new AbortController();
    send('GET', `/api/v1/tasks/${task.id}/log`, { signal: stop.signal }).then((a) => lines(a, (l) => set((r) => [...r, l].slice(-2000)))).catch(failed);
    return () => stop.abort();
  }, [task.id]);
  const title = `${td('task.kind', task.kind)} ${task.repository || task.checkpoint}`;
  return html`<${Dialog} title=${title} wide onClose=${onClose}><pre class="log tall" tabindex="0" role="log" aria-label=${title}>${rows.length ? rows.join('\n') : t('logs.none')}</pre><//>`;
}
