// Reads a model's JSON schema: which control a field gets, what it may hold, what stands in it at first.
import { td } from './i18n.js';
import { clamp } from './lib.js';

// The order of fields that many models have; others follow as the schema has them.
const first = ['prompt', 'image', 'last_image', 'video'];
const plain = ['width', 'height', 'num_frames', 'seed', 'loras', 'lora'];

export function fields(schema) {
  const required = schema.required || [];
  const all = Object.entries(schema.properties || {}).map(([name, p]) => ({ name, ...p, required: required.includes(name), control: control(p) }));
  const rank = (f) => {
    const i = [...first, ...plain].indexOf(f.name);
    return i >= 0 ? i : 100;
  };
  all.sort((a, b) => rank(a) - rank(b));
  for (const f of all) f.basic = f.required || f.control === 'file' || first.includes(f.name) || plain.includes(f.name);
  return all;
}

function type(p) { return Array.isArray(p.type) ? p.type.find((x) => x !== 'null') : p.type; }

function control(p) {
  if (p['x-file']) return 'file';
  if (p.enum) return 'choice';
  if (p.options) return 'named';
  switch (type(p)) {
    case 'boolean': return 'switch';
    case 'integer': case 'number': return p['x-default'] === 'random' ? 'seed' : slides(p) ? 'slider' : 'number';
    case 'array': return p.items && (p.items.properties || p.items.enum || type(p.items) === 'string') ? 'list' : 'json';
    case 'object': return 'json';
  }
  return (p['x-maxBytes'] || p.maxLength || 0) > 200 || p['x-maxTokens'] ? 'text' : 'line';
}

const slides = (p) => p.minimum != null && p.maximum != null && (p.maximum - p.minimum) / step(p) <= 4000;

// step is the distance of neighbouring values of a number.
export function step(p) {
  if (p['x-step']) return p['x-step'];
  if (p.multipleOf) return p.multipleOf;
  if (type(p) === 'integer') return 1;
  return p.maximum != null && p.maximum - (p.minimum || 0) <= 2 ? 0.05 : 0.5;
}

// snap is the value nearest to v that the field takes.
export function snap(p, v) {
  const s = p['x-step'] || p.multipleOf || (type(p) === 'integer' ? 1 : 0);
  const lo = p.minimum ?? -Infinity;
  const hi = p.maximum ?? Infinity;
  if (!s) return clamp(v, lo, hi);
  const base = p['x-step'] && p.minimum != null ? p.minimum : 0;
  let n = Math.round((v - base) / s) * s + base;
  if (n < lo) n = base + Math.ceil((lo - base) / s) * s;
  if (n > hi) n = base + Math.floor((hi - base) / s) * s;
  return n;
}

// wrong says whether a field would refuse a value: "missing", "range", "step", "json"; "" is fine.
export function wrong(f, v) {
  if (v === undefined || v === '' || v === null) return f.required ? 'missing' : '';
  if (f.control === 'text' || f.control === 'line') return f.required && !String(v).trim() ? 'missing' : '';
  if (['slider', 'number', 'seed'].includes(f.control)) {
    if (!Number.isFinite(v)) return 'range';
    if (v < (f.minimum ?? -Infinity) || v > (f.maximum ?? Infinity)) return 'range';
    if (Math.abs(snap(f, v) - v) > 1e-9) return 'step';
  }
  if (f.control === 'json' && typeof v === 'string') return 'json';
  return '';
}

export const label = (f) => td('field', f.name, f.title || f.name.replace(/_/g, ' ').replace(/^./, (c) => c.toUpperCase()));
export const help = (f) => td('help', f.name, f.description || '');

// defaults are what the form shows before anybody has touched it.
export function defaults(all) {
  const out = {};
  for (const f of all) if (f.default !== undefined) out[f.name] = f.default; else if (f.control === 'switch') out[f.name] = false;
  return out;
}

// request is what is sent: what differs from the defaults, and the prompt.
export function request(all, values) {
  const out = {};
  for (const f of all) {
    const v = values[f.name];
    if (v === undefined || v === '' || v === null || (Array.isArray(v) && !v.length && !f.required)) continue;
    if (!f.required && JSON.stringify(v) === JSON.stringify(f.default)) continue;
    out[f.name] = f.control === 'file' ? v.reference ?? v : v;
  }
  return out;
}

// work is how much there is to do for a request, in pixels times frames times steps: what its time grows with.
export function work(all, values) {
  let n = 1;
  for (const name of ['width', 'height', 'num_frames', 'num_inference_steps']) {
    const f = all.find((x) => x.name === name);
    const v = values[name] ?? f?.default;
    if (Number.isFinite(v)) n *= v;
  }
  return n;
}

// presets are ways to fill the form that any schema allows: a quick look, what the model's makers advise, and more care.
export function presets(all) {
  const by = Object.fromEntries(all.map((f) => [f.name, f]));
  const base = defaults(all);
  const scaled = (name, k) => (by[name] && base[name] ? { [name]: snap(by[name], base[name] * k) } : {});
  if (!by.num_inference_steps && !by.width) return [];
  return [
    { name: 'draft', values: { ...scaled('width', 0.6), ...scaled('height', 0.6), ...scaled('num_inference_steps', 0.4) } },
    { name: 'standard', values: { ...scaled('width', 1), ...scaled('height', 1), ...scaled('num_inference_steps', 1) } },
    { name: 'fine', values: { ...scaled('width', 1), ...scaled('height', 1), ...scaled('num_inference_steps', 1.6) } },
  ];
}

// shapes are sizes of about the default's area in common proportions.
export function shapes(all) {
  const by = Object.fromEntries(all.map((f) => [f.name, f]));
  if (!by.width?.default || !by.height?.default) return [];
  const area = by.width.default * by.height.default;
  return [[16, 9], [4, 3], [1, 1], [3, 4], [9, 16]].map(([w, h]) => ({
    name: `${w}:${h}`, ratio: w / h, width: snap(by.width, Math.sqrt((area * w) / h)), height: snap(by.height, Math.sqrt((area * h) / w)),
  }));
}

// named are the fields of a schema with the names that files of the server have: a field of LoRAs offers them where the schema lists none.
// null: they are not known yet; undefined: they cannot be told, and are typed.
export function named(all, loras) {
  return all.map((f) => {
    const name = f.name === 'loras' && f.items?.properties?.name;
    if (!name || name.enum || loras === undefined) return f;
    return { ...f, none: loras?.length === 0, waits: !loras, items: { ...f.items, properties: { ...f.items.properties, name: { ...name, options: loras || [] } } } };
  });
}
