// Texts in the reader's language: lang/NAME.json, flat. What a language lacks is told in English.
export const languages = { en: 'English', 'pt-BR': 'Português' };

const here = new URL('.', import.meta.url);
let texts = {};
let english = {};
let name = 'en';

// choose gives the language to begin with: what the server has written into the document, which is the reader's choice, else what
// it took from the browser's. So the document can ask for its texts before any module is there.
const choose = () => (document.documentElement.lang in languages ? document.documentElement.lang : 'en');

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

export function rememberLanguage(which) {
  document.cookie = `videosdgx_language=${which}; path=/; max-age=31536000; samesite=lax`;
  return setLanguage(which);
}
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
const plurals = {}; // they cost a browser tens of milliseconds to make
export function tn(key, n, values) {
  plurals[name] ||= [new Intl.PluralRules(name), new Intl.NumberFormat(name)];
  const [rules, digits] = plurals[name];
  const form = rules.select(n);
  const known = `${key}.${form}` in texts ? form : 'other';
  return t(`${key}.${known}`, { n: digits.format(n), ...values });
}

// td gives the text GROUP.NAME for a name that comes from the server, and otherwise what it is there.
export function td(group, which, otherwise) {
  const key = `${group}.${which}`;
  return texts[key] ?? english[key] ?? otherwise ?? which;
}
