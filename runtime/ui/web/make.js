// Make: say what a clip shall show, and see it come about.
import { html, useState, useEffect, useMemo, useRef, useLoad, t, icon, kept, useStore, failed, span, classes, Empty, Failure, useTimer, useOnce, toast, Dialog, number, Loading } from './lib.js';
import { tn, td } from './i18n.js';
import { get, post, send, json, session } from './api.js';
import { useBoard, mine, isEnded, left, share } from './live.js';
import { fields as read, named, defaults, request, wrong, presets, shapes } from './schema.js';
import { Field } from './form.js';
import { facts, estimate } from './estimate.js';
import { Player, Live, Trouble, Actions, Thumb, prompt, phase, reused } from './clip.js';
import { Snippets } from './snippets.js';
import { Offer, FromCache, look, take, made, anySeed } from './similar.js';

const drafts = kept('drafts', {}); // by model: what is in the form
const chosen = kept('model', '');
const own = kept('presets', []); // {name, model, values}
const streaming = kept('stream', false);
const onStage = kept('stage', '', 'sessionStorage');

// The models are asked for while the texts are on their way; what was known of them last is shown at once.
let known = null;
const ask = () => get('/v1/models').then((x) => { known = x.models; return known; });
let early = ask();
early.catch(() => {}); // told where it is waited for

function listModels() {
  const asked = early || ask();
  early = null;
  return asked;
}

// begun is settled when the form can be drawn in one go.
export const begun = early.then(() => {}, () => {});

export function Make({ query }) {
  const models = useLoad(listModels, [], 15_000, known);
  const picked = useStore(chosen);
  const b = useBoard();
  useEffect(() => { if (query.model) chosen.set(query.model); }, [query.model]);
  useEffect(() => { if (query.job) onStage.set(query.job); }, [query.job]);
  useEffect(() => { if (models.value) models.again(); }, [b.queue.running]); // what runs is loaded
  const [late, setLate] = useState(() => innerWidth > 820); // where the stage is above the form, what it shows comes first, if it comes soon
  useEffect(() => { const id = setTimeout(() => setLate(true), 1200); return () => clearTimeout(id); }, []);
  if (models.error && !models.value) return html`<h1 class="sr">${t('nav.make')}</h1><${Failure} error=${models.error} again=${models.again} />`;
  if (!models.value || !(b.loaded || late)) return html`<h1 class="sr">${t('nav.make')}</h1><${Loading} />`;
  if (!models.value.length) {
    return html`<h1 class="sr">${t('nav.make')}</h1><${Empty} picture="models" title=${t('make.nomodel')} text=${t('make.nomodel.text')}>
      <pre class="code" tabindex="0">videosdgx demo</pre><a class="button primary" href="#/models">${t('nav.models')}</a><//>`;
  }
  const model = models.value.find((m) => m.model === picked) || models.value[0];
  return html`<${Workshop} key=${model.model} model=${model} models=${models.value} from=${query.from} />`;
}

function Workshop({ model, models, from }) {
  const [drawn, draw] = useState(false);
  useEffect(() => { performance.mark('form'); draw(true); }, []); // the mark is what the first load is measured by; what is folded comes after it
  const loras = useLoad(() => (model.schema.properties?.loras ? get('/v1/loras').then((x) => x.loras.map((l) => l.name)) : null), [model.model]);
  const all = useMemo(() => named(read(model.schema), loras.error ? undefined : loras.value), [model.model, JSON.stringify(model.schema), loras.value, loras.error]);
  const base = useMemo(() => defaults(all), [all]);
  const [values, setValues] = useState(() => ({ ...base, ...(drafts.get()[model.model] || {}), ...taken(model, all) }));
  const [errors, setErrors] = useState({});
  const [priority, setPriority] = useState('normal');
  const [count, setCount] = useState(1);
  const [version, setVersion] = useState('');
  const streams = useStore(streaming);
  const [sending, setSending] = useState(false);
  const [offers, setOffers] = useState([]);
  const others = useStore(anySeed);
  const [code, setCode] = useState(false);
  const b = useBoard();
  const who = useStore(session);
  const known = useLoad(() => facts(model), [model.model, b.queue.running, who], 20_000);
  const cost = useMemo(() => estimate(known.value, all, values, b), [known.value, values, b.queue, b.jobs]);

  useEffect(() => { if (from) { const v = taken(model, all); if (Object.keys(v).length) setValues({ ...base, ...v }); } }, [from]);
  useEffect(() => { drafts.set((d) => ({ ...d, [model.model]: Object.fromEntries(Object.entries(values).filter(([, v]) => !v?.reference)) })); }, [values]);

  const set = (name, v) => { setValues((s) => ({ ...s, [name]: v })); setErrors((e) => ({ ...e, [name]: undefined })); };
  const body = () => {
    const out = request(all, values);
    if (all.some((f) => f.name === 'preview' && f.control === 'switch') && !values.preview_off) out.preview = true;
    if (priority !== 'normal') out.priority = priority;
    if (version.trim()) out.version = version.trim();
    if (streams) out.stream = true;
    return out;
  };

  const go = useOnce(async (anew = false) => {
    const bad = {};
    setOffers([]);
    for (const f of all) { const w = wrong(f, values[f.name]); if (w) bad[f.name] = t(`wrong.${w}`, { min: number(f.minimum ?? 0), max: number(f.maximum ?? 0) }); }
    setErrors(bad);
    if (Object.keys(bad).length) return focus(Object.keys(bad)[0]);
    setSending(true);
    try {
      const path = `/v1/models/${encodeURIComponent(model.model)}/`;
      const seed = all.find((f) => f.control === 'seed')?.name;
      if (count === 1 && !streams && anew !== true) {
        const alike = await look(model.model, body(), seed === undefined || values[seed] !== undefined);
        if (alike.length) {
          setSending(false);
          return setOffers(alike);
        }
      }
      const one = async () => {
        const answer = await send('POST', `${path}generate`, { body: body(), headers: { Prefer: 'cache' } });
        return { jobs: [await json(answer)], hit: answer.headers.get('Cache') === 'hit' };
      };
      const many = () => post(`${path}batch`, { requests: Array.from({ length: count }, (_, i) => ({ ...body(), ...(seed && values[seed] !== undefined ? { [seed]: values[seed] + i } : {}) })) });
      const { jobs, hit } = await (count === 1 ? one() : many());
      if (hit) take(jobs[0], prompt(jobs[0]), 1); else jobs.forEach(made);
      mine.set((m) => [...m, ...jobs.map((j) => j.id)].slice(-200));
      onStage.set(jobs[0].id);
      toast(hit ? t('sent.known') : tn('sent', jobs.length));
      document.querySelector('.stage')?.scrollIntoView({ block: 'nearest' });
    } catch (e) {
      const told = Object.fromEntries((e.fields || []).map((x) => [decodeURIComponent((x.pointer || '').replace(/^#?\/(requests\/\d+\/)?/, '').split('/')[0]), x.detail]).filter(([n]) => n === 'version' || all.some((f) => f.name === n)));
      setErrors(told);
      if (Object.keys(told).length) focus(Object.keys(told)[0]); else failed(e);
    } finally { setSending(false); }
    return undefined;
  });

  const part = (f) => html`<${Field} key=${f.name} field=${f} value=${values[f.name]} error=${errors[f.name]} onChange=${(v) => set(f.name, v)} onEnter=${go} />`;
  const basic = all.filter((f) => f.basic);
  const files = basic.filter((f) => f.control === 'file');
  const sizes = basic.filter((f) => ['width', 'height'].includes(f.name));
  const advanced = all.filter((f) => !f.basic && f.name !== 'preview');
  const touched = advanced.filter((f) => JSON.stringify(values[f.name] ?? f.default) !== JSON.stringify(f.default)).length;
  const openAdvanced = errors.version || advanced.some((f) => errors[f.name]);

  return html`<div class="make">
    <h1 class="sr">${t('nav.make')}</h1>
    <${Stage} model=${model} onIdea=${(text) => { set('prompt', text); focus('prompt'); }} />
    <form class="composer" aria-label=${t('make.form')} novalidate onSubmit=${(e) => { e.preventDefault(); go(); }}>
      <${ModelPicker} model=${model} models=${models} />
      ${basic.filter((f) => f.name === 'prompt').map(part)}
      ${files.length > 0 && html`<div class="drops">${files.map(part)}</div>`}
      <${Presets} all=${all} model=${model} values=${values} onPick=${(v) => setValues((s) => ({ ...s, ...v }))} />
      ${sizes.length === 2 && html`<${Shape} all=${all} values=${values} onPick=${(v) => setValues((s) => ({ ...s, ...v }))} />`}
      ${basic.filter((f) => f.name !== 'prompt' && f.control !== 'file' && f.name !== 'seed' && !(sizes.length === 2 && sizes.includes(f))).map(part)}
      ${basic.filter((f) => f.name === 'seed').map(part)}
      <details class="advanced" open=${openAdvanced || undefined}><summary>${icon('chevron')}<span>${t('advanced')}</span>${touched > 0 && html`<b class="count">${touched}</b>`}</summary>
        ${(drawn || openAdvanced) && html`<div class="stack">
          ${sizes.length === 2 && sizes.map(part)}
          ${advanced.map(part)}
          ${all.filter((f) => f.name === 'preview').map((f) => html`<${Field} key="preview" field=${f} value=${!values.preview_off} onChange=${(v) => setValues((s) => ({ ...s, preview_off: !v }))} />`)}
          <label class="switch-row"><span><strong>${t('stream')}</strong><small class="muted">${t('stream.text')}</small></span><input type="checkbox" role="switch" class="switch" checked=${streams} onChange=${(e) => streaming.set(e.target.checked)} /></label>
          <label class="switch-row"><span><strong>${t('similar.any')}</strong><small class="muted">${t('similar.any.text')}</small></span><input type="checkbox" role="switch" class="switch" checked=${others} onChange=${(e) => anySeed.set(e.target.checked)} /></label>
          <div class="field"><label class="label" for="f-priority">${t('priority')}</label><select id="f-priority" value=${priority} onChange=${(e) => setPriority(e.target.value)}>
            ${['high', 'normal', 'low'].map((p) => html`<option key=${p} value=${p} selected=${p === priority}>${td('priority', p)}</option>`)}</select></div>
          <div class=${classes('field', errors.version && 'bad')}><label class="label" for="f-version">${t('version')}</label><input id="f-version" type="text" value=${version} placeholder="$LATEST" spellcheck="false" autocapitalize="off" maxlength="128" aria-describedby="f-version-help" onInput=${(e) => { setVersion(e.target.value); setErrors((x) => ({ ...x, version: undefined })); }} />
            <p class=${errors.version ? 'error' : 'hint'} id="f-version-help">${errors.version || t('version.help')}</p></div>
          <button type="button" class="quiet small" onClick=${() => setValues({ ...base, prompt: values.prompt })}>${icon('retry')}${t('reset')}</button>
        </div>`}</details>
      <div class="go">
        <${Cost} cost=${cost} count=${count} />
        <div class="go-row">
          <label class="stepper"><span class="sr">${t('count')}</span><select value=${count} onChange=${(e) => setCount(Number(e.target.value))} title=${t('count')}>${[1, 2, 3, 4, 8].map((n) => html`<option key=${n} value=${n}>${`× ${n}`}</option>`)}</select></label>
          <button class="primary grow" type="submit" aria-disabled=${sending ? 'true' : undefined} aria-busy=${sending ? 'true' : undefined}>${icon('make')}${count === 1 ? t('make.one') : tn('make', count)}</button>
          <button type="button" class="icon-button edged" aria-label=${t('code')} title=${t('code')} onClick=${() => setCode(true)}>${icon('code')}</button>
        </div>
        <p class="hint">${t('make.keys')}</p>
      </div>
    </form>
    ${offers.length > 0 && html`<${Offer} asked=${values.prompt} offers=${offers} onClose=${() => setOffers([])} onMake=${() => go(true)}
      onTake=${(s) => { take(s.job, values.prompt, s.similarity); setOffers([]); onStage.set(s.job.id); document.querySelector('.stage')?.scrollIntoView({ block: 'nearest' }); }} />`}
    ${code && html`<${Snippets} model=${model} body=${{ ...body(), ...(values.prompt ? {} : { prompt: t('prompt.placeholder') }) }} onClose=${() => setCode(false)} />`}
  </div>`;
}

// taken are the settings of a job that somebody wants to use again, as far as this model has them.
function taken(model, all) {
  const r = reused.value;
  if (!r || r.model !== model.model) return {};
  reused.value = null;
  return Object.fromEntries(Object.entries(r.values).filter(([k]) => all.some((f) => f.name === k && f.control !== 'file')));
}

function focus(name) { requestAnimationFrame(() => { const at = document.getElementById(`f-${name}`); at?.closest('details')?.setAttribute('open', ''); at?.focus(); }); }

function ModelPicker({ model, models }) {
  const state = html`<span class=${`dot ${model.status === 'loaded' ? 'on' : model.status === 'broken' ? 'bad' : ''}`} aria-hidden="true"></span>`;
  return html`<div class="model-pick"><label class="sr" for="model">${t('model')}</label>${state}
    <select id="model" value=${model.model} onChange=${(e) => { chosen.set(e.target.value); location.hash = '#/make'; }}>${models.map((m) => html`<option key=${m.model} value=${m.model} selected=${m.model === model.model}>${m.model}</option>`)}</select>
    <span class="muted small">${td('modelstate', model.status)}</span>
    ${model.problem && html`<p class="error full">${model.problem}</p>`}</div>`;
}

function Presets({ all, model, values, onPick }) {
  const saved = useStore(own).filter((p) => p.model === model.model);
  const [naming, setNaming] = useState(false);
  const [name, setName] = useState('');
  const made = presets(all);
  const same = (p) => Object.entries(p.values).every(([k, v]) => JSON.stringify(values[k]) === JSON.stringify(v));
  const keep = (e) => {
    e.preventDefault();
    e.stopPropagation();
    if (!name.trim()) return;
    const { prompt: _, seed: __, ...rest } = values;
    own.set((o) => [...o.filter((p) => p.name !== name.trim() || p.model !== model.model), { name: name.trim(), model: model.model, values: Object.fromEntries(Object.entries(rest).filter(([, v]) => !v?.reference)) }]);
    setNaming(false);
    setName('');
  };
  if (!made.length && !saved.length) return null;
  return html`<div class="presets"><span class="label" id="presets">${t('presets')}</span><div class="chips" role="group" aria-labelledby="presets">
    ${made.map((p) => html`<button key=${p.name} type="button" class="pill" aria-pressed=${same(p) ? 'true' : 'false'} onClick=${() => onPick(p.values)}>${td('preset', p.name)}</button>`)}
    ${saved.map((p) => html`<span key=${`own-${p.name}`} class="pill-pair"><button type="button" class="pill" aria-pressed=${same(p) ? 'true' : 'false'} onClick=${() => onPick(p.values)}>${p.name}</button>
      <button type="button" class="pill end" aria-label=${t('preset.remove', { name: p.name })} onClick=${() => own.set((o) => o.filter((x) => x !== p))}>${icon('x')}</button></span>`)}
    <button type="button" class="pill ghost" onClick=${() => setNaming(true)}>${icon('plus')}${t('preset.keep')}</button></div>
    ${naming && html`<${Dialog} title=${t('preset.keep')} onClose=${() => setNaming(false)}><form class="stack" onSubmit=${keep}>
      <label class="field"><span class="label">${t('preset.name')}</span><input type="text" maxlength="40" required value=${name} onInput=${(e) => setName(e.target.value)} /></label>
      <footer><button type="button" class="quiet" onClick=${() => setNaming(false)}>${t('cancel')}</button><button class="primary" type="submit">${t('save')}</button></footer></form><//>`}
  </div>`;
}

function Shape({ all, values, onPick }) {
  const some = shapes(all);
  if (!some.length) return null;
  return html`<div class="presets"><span class="label" id="shape">${t('shape')} <span class="muted">${values.width} × ${values.height}</span></span><div class="chips" role="group" aria-labelledby="shape">
    ${some.map((s) => html`<button key=${s.name} type="button" class="pill shape" aria-label=${`${s.name}, ${s.width} × ${s.height}`} aria-pressed=${values.width === s.width && values.height === s.height ? 'true' : 'false'} onClick=${() => onPick({ width: s.width, height: s.height })}>
      <span class="ratio" aria-hidden="true" style=${{ width: `${Math.min(18, 12 * Math.sqrt(s.ratio))}px`, height: `${Math.min(18, 12 / Math.sqrt(s.ratio))}px` }}></span>${s.name}</button>`)}</div></div>`;
}

function Cost({ cost, count }) {
  if (!cost) return html`<p class="cost muted" aria-busy="true">…</p>`;
  return html`<dl class="cost"><div><dt>${t('cost.start')}</dt><dd>${cost.start == null ? t('cost.unknown') : cost.start < 0.05 ? t('cost.now') : `≈ ${span(cost.start)}`}</dd></div>
    <div><dt>${t('cost.make')}</dt><dd>${cost.make == null ? t('cost.unknown') : `≈ ${span(cost.make * count)}`}</dd></div>
    <div class="muted"><dt class="sr">${t('cost.from')}</dt><dd>${cost.make == null ? t('cost.first') : tn(cost.same ? 'cost.same' : 'cost.scaled', cost.from)}</dd></div></dl>`;
}

// Stage shows one job large: the one that was last asked for, else the latest.
function Stage({ model, onIdea }) {
  const b = useBoard();
  const wanted = useStore(onStage);
  const [asked, setAsked] = useState(null);
  const now = useTimer(1000);
  const recent = useMemo(() => [...b.jobs.values()].sort((x, y) => (x.id < y.id ? 1 : -1)), [b.jobs]);
  const job = b.jobs.get(wanted) || (asked?.id === wanted ? asked : null) || (wanted ? null : recent.find((j) => j.status === 'running') || recent[0]);
  useEffect(() => {
    if (!wanted || !b.loaded || b.jobs.has(wanted)) return;
    get(`/v1/jobs/${encodeURIComponent(wanted)}`).then(setAsked, () => onStage.set(''));
  }, [wanted, b.loaded]);

  return html`<section class="stage" aria-label=${t('stage')}>
    <div class="screen" aria-live="polite">
      ${!job ? html`<${Ideas} onIdea=${onIdea} empty=${b.loaded && !recent.length} />`
    : job.status === 'completed' ? html`<${Player} key=${job.id} job=${job} />`
      : isEnded(job) ? html`<${Trouble} job=${job} />` : html`<${Live} job=${job} now=${now} large />`}
    </div>
    ${job && html`<div class="caption"><p class="prompt">${prompt(job)}</p><${FromCache} job=${job} /><${Actions} job=${job} onGone=${() => onStage.set('')} /></div>`}
    ${recent.length > 0 && html`<${Strip} jobs=${recent.slice(0, 24)} chosen=${job?.id} />`}
  </section>`;
}

function Ideas({ onIdea, empty }) {
  return html`<div class="ideas"><div class="aurora" aria-hidden="true"></div><div class="ideas-text"><h2>${empty ? t('ideas.first') : t('ideas')}</h2>
    <div class="chips">${[1, 2, 3, 4].map((n) => html`<button key=${n} class="pill" onClick=${() => onIdea(td('idea', n))}>${td('idea', n)}</button>`)}</div></div></div>`;
}

function Strip({ jobs, chosen: id }) {
  const [over, setOver] = useState(null);
  const far = (j) => (isEnded(j) ? '' : j.status === 'running' ? (share(j) != null ? `${Math.round(share(j) * 100)} %` : phase(j)) : j.position ? `# ${j.position}` : '');
  return html`<ul class="strip" aria-label=${t('recent')}>${jobs.map((j) => html`<li key=${j.id}><button class=${classes('strip-item', j.id === id && 'chosen')} aria-current=${j.id === id ? 'true' : undefined} aria-label=${`${far(j)} ${prompt(j)}, ${td('state', j.status)}`.trim()} title=${prompt(j)}
      onClick=${() => onStage.set(j.id)} onPointerEnter=${() => setOver(j.id)} onPointerLeave=${() => setOver(null)} onFocus=${() => setOver(j.id)} onBlur=${() => setOver(null)}>
      <${Thumb} job=${j} play=${over === j.id} />
      ${far(j) && html`<span class="strip-state">${far(j)}</span>`}</button></li>`)}</ul>`;
}
