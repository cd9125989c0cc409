// Texts in the reader's language: lang/NAME.json, flat. What a language lacks is told in English.
export const languages = { en: 'English', 'pt-BR': 'Português' };

// area is what this browser keeps for the page; where it may keep nothing, what lasts as long as the page does.
export function area(name) {
  try { return window[name]; } catch { // its reader lets no site keep anything
    const all = new Map();
    return { getItem: (key) => all.get(key) ?? null, setItem: (key, value) => all.set(key, value) };
  }
}

const here = new URL('.', import.meta.url);
const choices = area('localStorage');
let texts = {};
let english = {};
let name = 'en';

// choose gives the language to begin with: the reader's choice, else what the server took from the browser's.
function choose() {
  const stored = choices.getItem('language');
  if (stored in languages) return stored;
  return document.documentElement.lang in languages ? document.documentElement.lang : 'en';
}

async function load(which) {
  const answer = await fetch(new URL(`lang/${which}.json`, here));
  if (!answer.ok) throw new Error(`lang/${which}.json: ${answer.status}`);
  return answer.json();
}

// The first texts are asked for as soon as this module is there, before the others are.
let early = load(choose());
early.catch(() => {}); // told where it is waited for

export async function setLanguage(which = choose()) {
  texts = await (early || load(which));
  early = null;
  if (which === 'en') english = texts;
  name = which;
  document.documentElement.lang = which;
}

export function rememberLanguage(which) { choices.setItem('language', which); return setLanguage(which); }
export const locale = () => name;

function fill(text, values) {
  return values ? text.replace(/\{(\w+)\}/g, (all, key) => (key in values ? apart(values[key]) : all)) : text;
}

// apart keeps the direction of a value's letters from what stands around it: in an isolate, which nothing in it ends.
function apart(v) {
  return typeof v === 'string' && /[\u0590-\u08ff\u202a-\u202e\u2066-\u2069\ufb1d-\ufefc]/.test(v) ? `\u2068${v.replace(/[\u2066-\u2069]/g, '')}\u2069` : v;
}

// t gives a text by its key; {name} in it is replaced by values.name.
export function t(key, values) { return fill(texts[key] ?? english[key] ?? key, values); }

// tn is t for a count: KEY.one or KEY.other, as the language has it.
export function tn(key, n, values) {
  const form = new Intl.PluralRules(name).select(n);
  const known = `${key}.${form}` in texts ? form : 'other';
  return t(`${key}.${known}`, { n: new Intl.NumberFormat(name).format(n), ...values });
}

// td gives the text GROUP.NAME for a name that comes from the server, and otherwise what it is there.
export function td(group, which, otherwise) {
  const key = `${group}.${which}`;
  return texts[key] ?? english[key] ?? otherwise ?? which;
}
