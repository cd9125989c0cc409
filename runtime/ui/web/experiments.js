// A/B: two arms make a clip of one request each; people say which is better without knowing whose it is.
import { html, useState, useEffect, useRef, t, icon, useLoad, Empty, Dialog, Chip, percent, number, span, failed, toast, confirmed, classes, useStore, useOnce, plainKey, Waiting } from './lib.js';
import { td, tn } from './i18n.js';
import { get, post, patch, remove, may, session } from './api.js';
import { motion } from './clip.js';

export function Experiments({ query }) {
  const all = useLoad(() => get('/v1/experiments').then((x) => x.experiments), [], 5000);
  const [creating, setCreating] = useState(false);
  useStore(session);
  const [open, setOpen] = useState(query.name || '');
  if (!all.value) return html`<${Waiting} title=${t('ab.title')} error=${all.error} again=${all.again} />`;
  const e = all.value.find((x) => x.name === open);
  return html`<div class="page">
    <div class="page-head"><h1>${t('ab.title')}</h1>${may('manage') && html`<button class="primary" onClick=${() => setCreating(true)}>${icon('plus')}${t('ab.new')}</button>`}</div>
    ${!all.value.length && html`<${Empty} picture="experiments" title=${t('ab.empty')} text=${t('ab.empty.text')} />`}
    <ul class="functions">${all.value.map((x) => html`<${Card} key=${x.name} e=${x} chosen=${x.name === open} onOpen=${() => setOpen(x.name === open ? '' : x.name)} again=${all.again} />`)}</ul>
    ${e && html`<${Arena} key=${e.name} e=${e} again=${all.again} />`}
    ${creating && html`<${Create} onClose=${(name) => { setCreating(false); all.again(); if (name) setOpen(name); }} />`}
  </div>`;
}

const arm = (a) => a.model + (a.version ? ` · ${a.version}` : '');

function Card({ e, chosen, onOpen, again }) {
  const n = e.score.votes[0] + e.score.votes[1];
  const erase = async () => { if (await confirmed(t('ab.delete.sure', { name: e.name }), t('delete'))) remove(`/v1/experiments/${e.name}`).then(again, failed); };
  return html`<li class=${classes('card fn', chosen && 'chosen')}><div class="fn-head"><div><h2>${e.name}</h2><p class="muted small">${tn('ab.pairs', e.pairs)} · ${tn('ab.votes', n)} · ${tn('ab.ties', e.score.ties)}</p></div>
      ${e.winner != null ? html`<${Chip} kind="completed">${t('ab.decided')}<//>` : html`<${Chip} kind="running">${t('ab.open')}<//>`}</div>
    <div class="versus"><div class=${classes(e.winner === 0 && 'won')}>${e.winner === 0 && icon('star', true)}<strong>${arm(e.arms[0])}</strong><span>${number(e.score.votes[0])}</span></div><div class=${classes(e.winner === 1 && 'won')}><span>${number(e.score.votes[1])}</span><strong>${arm(e.arms[1])}</strong>${e.winner === 1 && icon('star', true)}</div></div>
    <div class="interval" role="img" aria-label=${t('ab.interval', { arm: arm(e.arms[0]), rate: percent(e.score.rate), low: percent(e.score.low), high: percent(e.score.high) })}><i class="band" style=${{ left: `${e.score.low * 100}%`, width: `${(e.score.high - e.score.low) * 100}%` }}></i><i class="mid"></i><i class="at" style=${{ left: `${e.score.rate * 100}%` }}></i></div>
    <p class="muted small">${n ? t('ab.rate', { arm: arm(e.arms[0]), rate: percent(e.score.rate), low: percent(e.score.low), high: percent(e.score.high), confidence: percent(e.criterion.confidence) }) : t('ab.novotes')}</p>
    ${e.winner == null ? html`<p class="small">${t('ab.needs', { n: number(e.criterion.votes) })}</p>` : e.promoted_at ? html`<p class="small">${t('ab.promoted', { alias: e.promote.alias, version: e.arms[e.winner].version })}</p>` : e.failure ? html`<p class="error" lang="en">${e.failure}</p>` : null}
    ${e.traffic && html`<${Traffic} e=${e} again=${again} />`}
    <div class="actions"><button class="primary small" aria-expanded=${chosen ? 'true' : 'false'} onClick=${onOpen}>${icon('compare')}${t('ab.vote')}</button>${may('manage') && html`<button class="icon-button" aria-label=${t('ab.delete', { name: e.name })} title=${t('delete')} onClick=${erase}>${icon('trash')}</button>`}</div></li>`;
}

// Traffic shows what both arms have answered under an alias, and lets its shares be changed.
function Traffic({ e, again }) {
  const x = e.traffic;
  const [share, setShare] = useState(null); // while it is being changed
  const now = share ?? x.share;
  const apply = async (v) => { try { await patch(`/v1/experiments/${e.name}`, { share: v }); toast(t('traffic.shared', { alias: x.alias, share: percent(v) })); again(); } catch (error) { failed(error); } setShare(null); };
  return html`<div class="traffic"><p class="small"><strong>${t('traffic.of', { alias: x.alias })}</strong></p>
    <ul class="plain">${e.arms.map((a, i) => html`<li key=${i} class="small"><strong>${t('traffic.arm', { version: a.version, share: percent(i ? now : 1 - now) })}</strong> <span class="muted">${tn('traffic.jobs', x.arms[i].jobs)}${x.arms[i].jobs ? ` · ${t('traffic.failed', { share: percent(x.arms[i].failed / x.arms[i].jobs, 1) })}` : ''}${x.arms[i].completed ? ` · ${t('traffic.mean', { time: span(x.arms[i].mean_seconds) })}` : ''}</span></li>`)}</ul>
    ${!e.promoted_at && may('manage') && html`<label class="slider-row"><span class="small">${t('traffic.share', { version: e.arms[1].version })}</span><input type="range" min="0" max="100" step="5" value=${Math.round(now * 100)} aria-valuetext=${percent(now)} onInput=${(v) => setShare(Number(v.target.value) / 100)} onChange=${(v) => apply(Number(v.target.value) / 100)} /></label>`}</div>`;
}

// Arena shows a pair to vote on, and takes new requests.
function Arena({ e, again }) {
  const list = useLoad(() => get(`/v1/experiments/${e.name}/pairs`).then((x) => x.pairs), [e.name], 2500);
  const [prompt, setPrompt] = useState('');
  const [seen, setSeen] = useState(null);
  const pairs = list.value || [];
  const ready = pairs.filter((p) => p.left.download && p.right.download);
  const next = ready.find((p) => p.id === seen) || ready.filter((p) => !p.choice).at(-1);
  const making = pairs.filter((p) => ['queued', 'running'].includes(p.left.status) || ['queued', 'running'].includes(p.right.status)).length;
  const ask = useOnce(async () => {
    try { await post(`/v1/experiments/${e.name}/pairs`, { prompt }); setPrompt(''); toast(t('ab.asked')); list.again(); again(); } catch (x) { failed(x); }
  });
  const vote = useOnce(async (choice) => {
    try { await post(`/v1/experiments/${e.name}/pairs/${next.id}/vote`, { choice }); setSeen(next.id); await list.again(); again(); } catch (x) { failed(x); }
  });
  return html`<section class="card pad arena" aria-labelledby="h-arena"><div class="section-head"><h2 id="h-arena">${e.name}</h2>${making > 0 && html`<span class="muted small">${tn('ab.making', making)}</span>`}</div>
    <form class="row" onSubmit=${(x) => { x.preventDefault(); ask(); }}><label class="grow"><span class="sr">${t('ab.prompt')}</span><input type="text" required value=${prompt} placeholder=${t('ab.prompt')} onInput=${(x) => setPrompt(x.target.value)} /></label><button class="quiet" type="submit">${icon('make')}${t('ab.ask')}</button></form>
    ${!next ? html`<${Empty} picture="compare" title=${t('ab.nopair')} text=${t('ab.nopair.text')} />`
    : html`<${Match} key=${next.id} pair=${next} onVote=${vote} onNext=${() => setSeen(null)} decided=${e.winner != null} />`}</section>`;
}

function Match({ pair, onVote, onNext, decided }) {
  const ref = useRef();
  const play = () => ref.current?.querySelectorAll('video').forEach((v) => { v.currentTime = 0; v.play(); });
  useEffect(() => {
    const f = (x) => {
      if (!plainKey(x) || x.repeat || document.querySelector('dialog[open]')) return;
      if (x.key === 'ArrowDown' && !ref.current.parentElement.contains(document.activeElement)) return; // elsewhere it scrolls
      const choice = { ArrowLeft: 'left', ArrowRight: 'right', ArrowDown: 'tie' }[x.key];
      if (choice && !pair.choice && !decided) { x.preventDefault(); onVote(choice); }
    };
    addEventListener('keydown', f);
    return () => removeEventListener('keydown', f);
  }, [pair, decided]);
  const side = (s) => html`<figure class=${classes('side-clip', pair.choice === s && 'won')}><video src=${pair[s].download} muted loop playsinline controls autoplay=${motion()} aria-label=${t(`ab.${s}`)}></video>
    <figcaption>${pair[s].model ? html`<strong>${arm(pair[s])}</strong>` : html`<span class="muted">${t(`ab.${s}`)}</span>`}</figcaption></figure>`;
  return html`<div class="stack" ref=${ref}><p class="prompt">${pair.request.prompt}</p><div class="match">${side('left')}${side('right')}</div>
    <div class="row choices">${pair.choice || decided ? html`<span class="muted">${pair.choice ? td('ab.chose', pair.choice) : t('ab.decided')}</span>${pair.choice && html`<button class="primary" onClick=${onNext}>${t('ab.next')}</button>`}`
    : html`<button class="primary" onClick=${() => onVote('left')}>${t('ab.pick.left')}</button><button class="quiet" onClick=${() => onVote('tie')}>${t('ab.pick.tie')}</button><button class="primary" onClick=${() => onVote('right')}>${t('ab.pick.right')}</button>`}
      <button class="quiet" onClick=${play}>${icon('play')}${t('compare.play')}</button></div><p class="hint">${t('ab.keys')}</p></div>`;
}

function Create({ onClose }) {
  const models = useLoad(() => get('/v1/models').then((x) => x.models), []);
  const [v, set] = useState({ name: '', a: '', b: '', va: '', vb: '', votes: 20, confidence: 95, alias: '', traffic: '', share: 50 });
  const [said, say] = useState('');
  const names = (models.value || []).map((m) => m.model);
  const a = v.a || names[0] || '';
  const b = v.b || names[1] || names[0] || '';
  const put = (key) => (x) => { const { value } = x.target; set((all) => ({ ...all, [key]: value })); };
  const go = async (x) => {
    x.preventDefault();
    const body = { name: v.name.trim(), arms: [{ model: a, version: v.va.trim() }, { model: b, version: v.vb.trim() }], criterion: { votes: Number(v.votes), confidence: Number(v.confidence) / 100 } };
    if (v.alias.trim()) body.promote = { function: models.value.find((m) => m.model === a).function, alias: v.alias.trim() };
    if (v.traffic.trim()) body.traffic = { alias: v.traffic.trim(), share: Number(v.share) / 100 };
    try { await post('/v1/experiments', body); onClose(body.name); } catch (e) { say(e.message); }
  };
  const pick = (key, value, label) => html`<label class="field grow"><span class="label">${label}</span><select value=${value} onChange=${put(key)}>${names.map((n) => html`<option key=${n} value=${n} selected=${n === value}>${n}</option>`)}</select></label>`;
  const line = (key, label, help, more = {}) => html`<label class="field grow"><span class="label">${label}</span><input type="text" value=${v[key]} spellcheck="false" autocapitalize="off" ...${more} onInput=${put(key)} />${help && html`<small class="hint">${help}</small>`}</label>`;
  return html`<${Dialog} title=${t('ab.new')} onClose=${() => onClose('')}><form class="stack" onSubmit=${go}>
    ${line('name', t('ab.name'), t('ab.name.help'), { required: true, pattern: '[a-z0-9][a-z0-9\\-]*' })}
    <div class="row top">${pick('a', a, t('ab.arm', { n: 1 }))}${line('va', t('ab.version'), '')}</div>
    <div class="row top">${pick('b', b, t('ab.arm', { n: 2 }))}${line('vb', t('ab.version'), '')}</div>
    <div class="row top">${line('votes', t('ab.minvotes'), '', { type: 'number', min: 1 })}${line('confidence', t('ab.confidence'), '', { type: 'number', min: 50, max: 99.9, step: 0.1 })}</div>
    <div class="row top">${line('traffic', t('traffic.alias'), t('traffic.alias.help'))}${line('share', t('traffic.percent'), '', { type: 'number', min: 0, max: 100, step: 1 })}</div>
    ${line('alias', t('ab.alias'), t('ab.alias.help'))}
    ${said && html`<p class="error" role="alert" lang="en">${said}</p>`}
    <footer><button type="button" class="quiet" onClick=${() => onClose('')}>${t('cancel')}</button><button class="primary" type="submit">${t('ab.begin')}</button></footer></form><//>`;
}
