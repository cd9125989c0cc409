// Watch: what waits, what runs, and what has just ended.
import { html, useState, useEffect, useRef, t, icon, useTimer, Empty, Chip, Bar, span, ago, number, classes, confirmed, useStore, Waiting } from './lib.js';
import { td, tn } from './i18n.js';
import { useBoard, isEnded, eta, share, previews, mine } from './live.js';
import { Thumb, Detail, Priority, prompt, phase, cancel, again, reuse } from './clip.js';

export function Watch() {
  const b = useBoard();
  const now = useTimer(1000);
  const own = useStore(mine);
  const [open, setOpen] = useState(null);
  const all = [...b.jobs.values()];
  const running = all.filter((j) => j.status === 'running').sort((x, y) => (x.started_at < y.started_at ? -1 : 1));
  const queued = all.filter((j) => j.status === 'queued').sort((x, y) => (x.position || 1e9) - (y.position || 1e9) || (x.id < y.id ? -1 : 1));
  const ended = all.filter(isEnded).sort((x, y) => (x.finished_at < y.finished_at ? 1 : -1)).slice(0, 30);
  const stopAll = async () => { if (await confirmed(t('cancel.all.sure', { n: number(queued.length) }), t('cancel.all'))) for (const j of queued) await cancel(j, false); };
  if (!b.loaded) return html`<${Waiting} title=${t('nav.watch')} />`;
  return html`<div class="page">
    <div class="page-head"><h1>${t('nav.watch')}</h1><p class="muted">${tn('watch.running', b.queue.running)} · ${tn('watch.queued', b.queue.queued)}</p></div>
    ${!all.length && html`<${Empty} picture="watch" title=${t('watch.empty')} text=${t('watch.empty.text')}><a class="button primary" href="#/make">${icon('make')}${t('nav.make')}</a><//>`}
    ${running.length > 0 && html`<section aria-labelledby="h-run"><h2 id="h-run">${t('watch.now')}</h2><ul class="runs">${running.map((j) => html`<${Run} key=${j.id} job=${j} now=${now} own=${own.includes(j.id)} onOpen=${() => setOpen(j)} />`)}</ul></section>`}
    ${queued.length > 0 && html`<section aria-labelledby="h-wait"><div class="section-head"><h2 id="h-wait">${t('watch.next')}</h2>${queued.length > 1 && html`<button class="quiet small" onClick=${stopAll}>${t('cancel.all')}</button>`}</div>
      <ol class="rows">${queued.map((j) => html`<${Row} key=${j.id} job=${j} now=${now} own=${own.includes(j.id)} onOpen=${() => setOpen(j)} />`)}</ol>
      ${b.queue.queued > queued.length && html`<p class="muted">${t('watch.more', { n: number(b.queue.queued - queued.length) })}</p>`}</section>`}
    ${ended.length > 0 && html`<section aria-labelledby="h-done"><div class="section-head"><h2 id="h-done">${t('watch.done')}</h2><a href="#/gallery">${t('nav.gallery')}</a></div>
      <ul class="rows">${ended.map((j) => html`<${Row} key=${j.id} job=${j} now=${now} own=${own.includes(j.id)} onOpen=${() => setOpen(j)} />`)}</ul></section>`}
    ${open && html`<${Detail} job=${b.jobs.get(open.id) || open} onClose=${() => setOpen(null)} onGone=${() => setOpen(null)} />`}
  </div>`;
}

function Run({ job, now, own, onOpen }) {
  const picture = previews.get(job.id);
  const soon = eta(job, now);
  return html`<li class="run card">
    <button class="run-picture" onClick=${onOpen} aria-label=${t('open.job', { prompt: prompt(job) })}>${picture ? html`<img src=${picture} alt="" />` : html`<span class="aurora" aria-hidden="true"></span>`}</button>
    <div class="run-body">
      <p class="prompt">${prompt(job)}</p>
      <div class="meta"><${Chip}>${job.model}<//>${job.priority !== 'normal' && html`<${Chip} kind=${job.priority}>${td('priority', job.priority)}<//>`}${own && html`<${Chip} kind="own">${t('yours')}<//>`}
        ${job.attempts > 1 && html`<${Chip}>${t('attempt', { n: job.attempts, most: job.max_attempts })}<//>`}</div>
      <${Bar} value=${share(job)} label=${phase(job)} />
      <div class="run-line"><span>${phase(job)}</span><span class="muted">${soon || span((now - new Date(job.started_at)) / 1000)}</span></div>
    </div>
    <button class="quiet small" onClick=${() => cancel(job)} aria-label=${t('cancel.of', { prompt: prompt(job) })}>${t('cancel')}</button></li>`;
}

function Row({ job, now, own, onOpen }) {
  const [over, setOver] = useState(false);
  const soon = eta(job, now);
  const waits = job.status === 'queued';
  const broken = ['failed', 'dead', 'cancelled'].includes(job.status);
  const when = waits ? soon || '' : ago(job.finished_at, now);
  return html`<li class="item" onPointerEnter=${() => setOver(true)} onPointerLeave=${() => setOver(false)}>
    ${waits ? html`<span class="place" aria-label=${job.position ? t('queue.position', { n: number(job.position) }) : td('state', 'queued')}>${job.position ? number(job.position) : '·'}</span>` : html`<span class="item-thumb"><${Thumb} job=${job} play=${over} /></span>`}
    <button class="item-main" onClick=${onOpen}><span class="prompt">${prompt(job)}</span>
      <span class="meta"><span>${job.model}</span>${own && html`<span>${t('yours')}</span>`}${!waits && job.priority !== 'normal' && html`<span>${td('priority', job.priority)}</span>`}${job.reason && html`<span>${job.reason}</span>`}${broken && job.error && html`<span class="error" lang="en">${job.error.detail}</span>`}</span></button>
    <span class="item-state">${!waits && html`<${Chip} kind=${job.status}>${td('state', job.status)}<//>`}<small class="muted">${job.duration_seconds ? `${span(job.duration_seconds)} · ` : ''}${when}</small></span>
    ${waits ? html`<span class="item-ways"><${Priority} job=${job} /><button class="quiet small" onClick=${() => cancel(job)} aria-label=${t('cancel.of', { prompt: prompt(job) })}>${t('cancel')}</button></span>`
    : broken ? html`<button class="quiet small" onClick=${() => again(job)} aria-label=${t('retry.of', { prompt: prompt(job) })}>${t('retry')}</button>`
      : html`<button class="quiet small" onClick=${() => reuse(job)} aria-label=${t('reuse.of', { prompt: prompt(job) })}>${t('reuse.short')}</button>`}</li>`;
}
