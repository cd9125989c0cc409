// Controls for the fields of a schema.
import { html, useRef, useLayoutEffect, t, icon, classes, number } from './lib.js';
import { label, help, step, snap, fields as fieldsOf } from './schema.js';
import { FileField } from './files.js';

export function Field({ field, value, onChange, error, onEnter }) {
  const id = `f-${field.name}`;
  const said = error ? `${id}-error` : help(field) ? `${id}-help` : undefined;
  const props = { id, field, value, onChange, onEnter, 'aria-describedby': said, 'aria-invalid': error ? 'true' : undefined };
  switch (field.control) {
    case 'file': return html`<${FileField} field=${field} value=${value} onChange=${onChange} error=${error} />`;
    case 'switch': return html`<label class="switch-row" data-field=${field.name}><span><strong>${label(field)}</strong><small class="muted" id=${said}>${error || help(field)}</small></span>
      <input id=${id} type="checkbox" role="switch" class="switch" checked=${!!value} onChange=${(e) => onChange(e.target.checked)} aria-describedby=${said} /></label>`;
    case 'list': return html`<${List} field=${field} value=${value} onChange=${onChange} error=${error} />`;
  }
  const Control = { text: Text, line: Line, choice: Choice, named: Named, slider: Slider, number: Plain, seed: Seed, json: Json }[field.control];
  return html`<div class=${classes('field', error && 'bad', field.control)} data-field=${field.name}>
    <div class="field-head"><label class="label" for=${id}>${label(field)}${field.required ? html`<span class="needed" aria-hidden="true"> *</span>` : ''}</label>${extra(field, value)}</div>
    <${Control} ...${props} />
    ${error ? html`<p class="error" id=${said}>${error}</p>` : help(field) && html`<p class="hint" id=${said}>${help(field)}</p>`}
  </div>`;
}

function extra(f, v) {
  if (f['x-maxBytes'] && typeof v === 'string' && v.length > f['x-maxBytes'] * 0.7) return html`<small class="muted">${number(new TextEncoder().encode(v).length)} / ${number(f['x-maxBytes'])}</small>`;
  return null;
}

const grows = CSS.supports('field-sizing', 'content');

// Text grows with what is written in it; where the browser does not do it by itself, by measuring.
function Text({ field, value, onChange, onEnter, ...rest }) {
  const ref = useRef();
  useLayoutEffect(() => {
    if (grows) return;
    const a = ref.current;
    a.style.height = 'auto';
    a.style.height = `${Math.min(a.scrollHeight + 2, 320)}px`;
  }, [value]);
  return html`<textarea ref=${ref} rows=${field.name === 'prompt' ? 3 : 2} value=${value ?? ''} required=${field.required} placeholder=${field.name === 'prompt' ? t('prompt.placeholder') : ''} ...${rest}
    onInput=${(e) => onChange(e.target.value)} onKeyDown=${(e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); onEnter?.(); } }}></textarea>`;
}

const Line = ({ field, value, onChange, onEnter, ...rest }) => html`<input type="text" value=${value ?? ''} required=${field.required} ...${rest} onInput=${(e) => onChange(e.target.value)} />`;

function Choice({ field, value, onChange, onEnter, ...rest }) {
  return html`<select value=${value ?? ''} ...${rest} onChange=${(e) => onChange(field.enum.find((v) => String(v) === e.target.value))}>
    ${!field.required && field.default === undefined && html`<option value="">${t('none')}</option>`}
    ${field.enum.map((v) => html`<option key=${v} value=${String(v)} selected=${v === value}>${String(v)}</option>`)}</select>`;
}

// Named is a choice among the names that there are now, and the one that was chosen when there were others.
function Named({ field, value, onChange, onEnter, ...rest }) {
  const gone = value && !field.options.includes(value);
  return html`<select value=${value ?? ''} ...${rest} onChange=${(e) => onChange(e.target.value || undefined)}>
    ${!value && html`<option value="">${t('none')}</option>`}
    ${[...(gone ? [value] : []), ...field.options].map((v) => html`<option key=${v} value=${v} selected=${v === value}>${gone && v === value ? t('named.gone', { name: v }) : v}</option>`)}</select>`;
}

const parsed = (text) => (text === '' ? undefined : Number(text));

function Plain({ field, value, onChange, onEnter, ...rest }) {
  return html`<input type="number" value=${value ?? ''} min=${field.minimum} max=${field.maximum} step="any" ...${rest} onInput=${(e) => onChange(parsed(e.target.value))} />`;
}

function Slider({ field, value, onChange, onEnter, id, ...rest }) {
  const shown = value ?? field.default ?? field.minimum;
  return html`<div class="slider-row"><input type="range" min=${field.minimum} max=${field.maximum} step=${step(field)} value=${shown} aria-label=${label(field)} tabindex="-1" aria-hidden="true"
      onInput=${(e) => onChange(snap(field, Number(e.target.value)))} />
    <input id=${id} type="number" class="tight" value=${value ?? ''} min=${field.minimum} max=${field.maximum} step=${step(field)} ...${rest} onInput=${(e) => onChange(parsed(e.target.value))} /></div>`;
}

function Seed({ field, value, onChange, onEnter, ...rest }) {
  const at = useRef();
  const clear = () => { onChange(undefined); at.current.focus(); };
  const roll = () => onChange((field.minimum || 0) + Math.floor(Math.random() * (Math.min(field.maximum ?? 2 ** 31, 2 ** 31) - (field.minimum || 0) + 1)));
  return html`<div class="seed-row"><input ref=${at} type="number" class="mono" value=${value ?? ''} min=${field.minimum} max=${field.maximum} step="1" placeholder=${t('seed.random')} ...${rest} onInput=${(e) => onChange(parsed(e.target.value))} />
    <button type="button" class="icon-button" aria-label=${t('seed.roll')} title=${t('seed.roll')} onClick=${roll}>${icon('dice')}</button>
    <button type="button" class="icon-button" aria-label=${t('seed.clear')} title=${t('seed.clear')} disabled=${value === undefined} onClick=${clear}>${icon('x')}</button></div>`;
}

function Json({ field, value, onChange, onEnter, ...rest }) {
  const text = typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
  const take = (s) => { if (!s.trim()) return onChange(undefined); try { return onChange(JSON.parse(s)); } catch { return onChange(s); } };
  return html`<textarea rows="2" class="mono" spellcheck="false" value=${text} ...${rest} onInput=${(e) => take(e.target.value)}></textarea>`;
}

// List is a field with many values, such as LoRAs: each a row of the item's own fields.
function List({ field, value, onChange, error }) {
  const rows = value || [];
  const item = field.items || {};
  const inner = item.properties ? fieldsOf(item) : null;
  const fresh = () => (inner ? Object.fromEntries(inner.filter((f) => f.default !== undefined || (f.required && (f.enum || f.options)?.length)).map((f) => [f.name, f.default ?? (f.enum || f.options)[0]])) : item.enum?.[0] ?? '');
  const set = (i, v) => onChange(rows.map((r, k) => (k === i ? v : r)));
  return html`<fieldset class=${classes('list', error && 'bad')} data-field=${field.name}><legend>${label(field)}</legend>
    ${help(field) && html`<p class="hint">${help(field)}</p>`}
    ${field.none && html`<p class="hint">${t('loras.none')}</p>`}
    ${rows.map((row, i) => html`<div class="list-row" key=${i}>
      ${inner ? inner.map((f) => html`<${Field} key=${f.name} field=${{ ...f, name: f.name, control: f.control === 'text' ? 'line' : f.control }} value=${row[f.name]} onChange=${(v) => set(i, { ...row, [f.name]: v })} />`)
    : item.enum ? html`<select aria-label=${`${label(field)} ${i + 1}`} value=${row} onChange=${(e) => set(i, e.target.value)}>${item.enum.map((v) => html`<option key=${v} value=${v} selected=${v === row}>${v}</option>`)}</select>`
      : html`<input type="text" aria-label=${`${label(field)} ${i + 1}`} value=${row} onInput=${(e) => set(i, e.target.value)} />`}
      <button type="button" class="icon-button" aria-label=${t('list.remove', { n: i + 1 })} onClick=${() => onChange(rows.filter((_, k) => k !== i))}>${icon('x')}</button></div>`)}
    <button type="button" class="quiet small" disabled=${field.none || field.waits || (field.maxItems != null && rows.length >= field.maxItems)} onClick=${() => onChange([...rows, fresh()])}>${icon('plus')}${t('list.add')}</button>
    ${error && html`<p class="error">${error}</p>`}</fieldset>`;
}
