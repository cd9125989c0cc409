// Usage: what was made, how long it took, what it cost, what went wrong.
import { html, useState, useEffect, useRef, t, icon, useLoad, Failure, Empty, span, number, percent, bytes, kept, useStore, Chip, clock, Loading, failed } from './lib.js';
import { td, locale } from './i18n.js';
import { get, send } from './api.js';

const lasts = ['1h', '24h', '7d', '30d'];
const price = kept('price', '');
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
const zone = !own || own === 'Etc/Unknown' ? 'UTC' : own; // the reader's days and hours, where their system knows them

export function Analytics() {
  const [last, setLast] = useState('24h');
  const [model, setModel] = useState('');
  const models = useLoad(() => get('/v1/models').then((x) => x.models.map((m) => m.model)), []);
  const query = new URLSearchParams({ span: last, zone, ...(model ? { model } : {}) });
  const all = useLoad(() => get(`/v1/analytics?${query}`), [last, model], 30_000);
  const r = all.value;
  return html`<div class="page">
    <div class="page-head"><h1>${t('nav.analytics')}</h1><div class="row">
      <label><span class="sr">${t('model')}</span><select class="auto" value=${model} onChange=${(e) => setModel(e.target.value)}><option value="">${t('gallery.models')}</option>${(models.value || []).map((m) => html`<option key=${m} value=${m}>${m}</option>`)}</select></label>
      <div class="segments" role="group" aria-label=${t('usage.span')}>${lasts.map((s) => html`<button key=${s} type="button" aria-pressed=${s === last ? 'true' : 'false'} onClick=${() => setLast(s)}>${td('usage.span', s)}</button>`)}</div>
      <button class="quiet" onClick=${() => exported(query, 'text/csv', 'csv')}>${icon('download')}CSV</button><button class="quiet" onClick=${() => exported(query, 'application/json', 'json')}>${icon('download')}JSON</button></div></div>
    ${all.error && html`<${Failure} error=${all.error} again=${all.again} />`}
    ${!r && !all.error && html`<${Loading} />`}
    ${r && (r.total.jobs ? html`<${Report} r=${r} table=${(by) => exported(query, 'text/csv', 'csv', by)} />` : html`<${Empty} picture="analytics" title=${t('usage.empty')} text=${t('usage.empty.text')} />`)}
  </div>`;
}

// exported hands the report to the browser's downloads: as JSON, or one of its tables.
async function exported(query, kind, ending, by = '') {
  try {
    const answer = await send('GET', `/v1/analytics?${query}${by && `&by=${by}`}`, { headers: { Accept: kind } });
    const a = document.createElement('a');
    a.href = URL.createObjectURL(await answer.blob());
    a.download = `videosdgx-usage${by && `-by-${by}`}.${ending}`;
    a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
  } catch (e) { failed(e); }
}

function Report({ r, table }) {
  const cost = useStore(price);
  const perHour = Number(cost) || 0;
  const n = r.total;
  const busy = n.gpu_seconds || n.seconds;
  const each = n.completed ? busy / n.completed : null;
  const figure = (label, value, note) => html`<div class="figure card" key=${label}><span class="muted small">${label}</span><strong>${value}</strong><span class="muted small">${note}</span></div>`;
  return html`
    <div class="figures">
      ${figure(t('usage.clips'), number(n.completed), t('usage.failed', { n: number(n.failed), part: percent(n.jobs ? n.failed / n.jobs : 0, 1) }))}
      ${figure(n.gpu_seconds ? t('usage.gpu') : t('usage.seconds'), span(busy), t('usage.each', { time: each == null ? '–' : span(each) }))}
      ${figure(t('usage.cold'), percent(n.jobs ? n.cold / n.jobs : 0, 1), r.starting.count ? t('usage.start', { time: span(r.starting.p50) }) : '')}
      <div class="figure card"><label class="muted small" for="price">${n.gpu_seconds ? t('usage.price.gpu') : t('usage.price')}</label><span class="row"><input id="price" class="tight" type="number" min="0" step="0.01" value=${cost} placeholder="0.00" onInput=${(e) => price.set(e.target.value)} /><strong>${perHour && each != null ? number((each / 3600) * perHour, 4) : '–'}</strong></span><span class="muted small">${t('usage.perclip')}</span></div>
    </div>
    ${r.partial && html`<p class="banner">${icon('alert')}${t('usage.partial')}</p>`}
    <${Chart} title=${t('usage.over')} r=${r} series=${[{ label: td('state', 'completed'), get: (s) => s.completed, color: '--c1' }, { label: td('state', 'failed'), get: (s) => s.failed, color: '--c2' }, { label: t('usage.cold'), get: (s) => s.cold, color: '--c3' }]} />
    <${Chart} title=${n.gpu_seconds ? t('usage.gpu') : t('usage.seconds')} r=${r} time series=${[{ label: n.gpu_seconds ? t('usage.gpu') : t('usage.seconds'), get: (s) => (n.gpu_seconds ? s.gpu_seconds : s.seconds), color: '--c1' }]} />
    <div class="halves">
      <section class="card pad"><h2>${t('usage.latency')}</h2><table><thead><tr><th scope="col"><span class="sr">${t('usage.what')}</span></th><th scope="col">p50</th><th scope="col">p90</th><th scope="col">p99</th><th scope="col">${t('usage.max')}</th></tr></thead>
        <tbody>${['waiting', 'starting', 'running', 'whole'].map((k) => html`<tr key=${k}><th scope="row">${td('usage.time', k)}</th>${['p50', 'p90', 'p99', 'max'].map((p) => html`<td key=${p}>${r[k].count ? span(r[k][p]) : '–'}</td>`)}</tr>`)}</tbody></table></section>
      <section class="card pad"><${Head} title=${t('usage.hours')} onTable=${() => table('hour')} /><${Hours} hours=${r.hours_of_day} /></section>
      <${Shares} title=${t('usage.models')} parts=${r.models} onTable=${() => table('model')} /><${Shares} title=${t('usage.clients')} parts=${r.clients} onTable=${() => table('client')} />
    </div>
    <section class="card pad"><${Head} title=${t('usage.failures')} onTable=${r.failures.length > 0 && (() => table('failure'))} />${r.failures.length ? html`<ul class="failures">${r.failures.map((f) => html`<li key=${f.id}><b>${number(f.jobs)}</b><div><p lang="en">${f.detail}</p><p class="muted small"><${Chip}>${f.kind}<//> ${clock(f.last)}</p></div></li>`)}</ul>` : html`<p class="muted">${t('usage.nofailures')}</p>`}</section>`;
}

// moments are times below a chart as the reader's language writes them: the day where it begins or the chart does, else the hour.
function moments(u, all, axis, space, every) {
  const day = new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short' });
  const short = every >= 3600 && new Intl.DateTimeFormat(locale(), { hour: 'numeric' }).resolvedOptions().hour12; // 6 PM, and 18:00
  const hour = new Intl.DateTimeFormat(locale(), { hour: 'numeric', ...(short ? {} : { minute: '2-digit' }) });
  let last = '';
  return all.map((v) => {
    const at = new Date(v * 1000);
    const date = day.format(at);
    if (every >= 86_400) return date;
    const text = date === last ? hour.format(at) : `${hour.format(at)}\n${date}`;
    last = date;
    return text;
  });
}

// Chart draws steps over time; the table below it says the same to who cannot see it.
function Chart({ title, r, series, time }) {
  const ref = useRef();
  useEffect(() => {
    let plot = null;
    let gone = false;
    const draw = async () => {
      const { default: uPlot } = await import('./vendor/uplot.js');
      await style();
      if (gone) return;
      plot?.destroy();
      const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
      const axis = { stroke: css('--muted'), grid: { stroke: css('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
      const bars = uPlot.paths.bars({ size: [0.7, 40], radius: 0.15 });
      const data = [r.over_time.map((s) => new Date(s.start) / 1000), ...series.map((s) => r.over_time.map(s.get))];
      plot = new uPlot({
        width: ref.current.clientWidth, height: 200, legend: { show: false }, cursor: { y: false, points: { show: false } },
        scales: { x: { range: (u, lo, hi) => [lo - r.step_seconds * 0.6, hi + r.step_seconds * 0.6] }, y: { range: (u, lo, hi) => [0, Math.max(hi * 1.1, 1)] } },
        axes: [{ ...axis, values: moments }, { ...axis, size: 56, values: (u, all) => all.map((v) => (time ? span(v) : Number.isInteger(v) ? number(v) : '')) }],
        series: [{}, ...series.map((s, i) => ({ label: s.label, stroke: css(s.color), fill: css(s.color) + (i ? 'cc' : ''), paths: i ? undefined : bars, width: i ? 2 : 0, points: { show: false }, ...(i ? { fill: undefined } : {}) }))],
      }, data, ref.current);
    };
    draw();
    const fit = new ResizeObserver(() => plot?.setSize({ width: ref.current.clientWidth, height: 200 }));
    fit.observe(ref.current);
    addEventListener('theme', draw);
    return () => { gone = true; fit.disconnect(); removeEventListener('theme', draw); plot?.destroy(); };
  }, [r, series.length]);
  const busy = r.over_time.filter((s) => s.jobs > 0);
  return html`<section class="card pad"><div class="section-head"><h2>${title}</h2><ul class="legend">${series.length > 1 && series.map((s) => html`<li key=${s.label}><i class=${s.color.slice(2)}></i>${s.label}</li>`)}</ul></div>
    <div class="chart" ref=${ref} aria-hidden="true"></div>
    <details class="asa"><summary>${t('usage.table')}</summary><div class="scroll" tabindex="0" role="region" aria-label=${title}><table><thead><tr><th scope="col">${t('usage.when')}</th>${series.map((s) => html`<th scope="col" key=${s.label}>${s.label}</th>`)}</tr></thead>
      <tbody>${busy.map((s) => html`<tr key=${s.start}><th scope="row">${clock(s.start)}</th>${series.map((x) => html`<td key=${x.label}>${time ? span(x.get(s)) : number(x.get(s))}</td>`)}</tr>`)}</tbody></table></div></details></section>`;
}

let styled = null;
function style() {
  styled ||= new Promise((done) => {
    const l = document.createElement('link');
    l.rel = 'stylesheet';
    l.href = new URL('./vendor/uplot.css', import.meta.url);
    l.onload = done;
    l.onerror = done;
    document.head.append(l);
  });
  return styled;
}

// Hours shows at what time of the reader's day there is work.
function Hours({ hours }) {
  const most = Math.max(1, ...hours.map((h) => h.jobs));
  return html`<ul class="hours">${hours.map((h, i) => html`<li key=${i} title=${`${i}:00 · ${number(h.jobs)}`}><span class="sr">${`${i}:00: ${number(h.jobs)}`}</span><i style=${{ height: `${(h.jobs / most) * 100}%` }}></i>${i % 6 === 0 && html`<small aria-hidden="true">${i}</small>`}</li>`)}</ul>`;
}

// Head is a part's title, with its table to take away.
const Head = ({ title, onTable }) => html`<div class="section-head"><h2>${title}</h2>${onTable && html`<button class="quiet small" aria-label=${t('usage.csv', { title })} title=${t('usage.csv', { title })} onClick=${onTable}>${icon('download')}CSV</button>`}</div>`;

function Shares({ title, parts, onTable }) {
  const most = Math.max(1e-9, ...parts.map((p) => p.seconds));
  return html`<section class="card pad"><${Head} title=${title} onTable=${onTable} /><ul class="shares">${parts.slice(0, 12).map((p) => html`<li key=${p.name}><span class="name">${p.name || t('usage.nobody')}</span><span class="track" aria-hidden="true"><i class="c1" style=${{ width: `${(p.seconds / most) * 100}%` }}></i></span><span class="num">${t('usage.share', { n: number(p.jobs), time: span(p.seconds) })}</span></li>`)}</ul></section>`;
}
