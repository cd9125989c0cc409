// The same request for other tools: as text that can be pasted into a shell or a program.
import { html, useState, t, icon, copy, Dialog, Tabs } from './lib.js';
import { session } from './api.js';

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// quoted is a value as JSON in quotes that every shell reads alike: to fish two backslashes in them are one.
const quoted = (body) => quote(JSON.stringify(body).replaceAll('\\\\', '\\u005c'));

// answerOf is what a request's answer is: of sound that is asked for alone another file, in another field.
const answerOf = ({ output }) => output === 'wav' ? { type: 'audio/wav', file: 'sound.wav', field: 'audio' } : { type: 'video/mp4', file: 'clip.mp4', field: 'video' };

export function curl(origin, model, body) {
  return [`curl ${quote(`${origin}/v1/models/${encodeURIComponent(model)}/generate`)} \\`,
    ...(session.get().asks ? ['  -H "Authorization: Bearer $VIDEOSDGX_KEY" \\'] : []),
    `  -H 'Content-Type: application/json' -H 'Accept: ${answerOf(body).type}' -H 'Prefer: wait=600' \\`,
    `  -d ${quoted(body)} -o ${answerOf(body).file}`].join('\n');
}

// aws calls the function itself, which has no queue: what is said to that is left out, and the version is the call's. Versions 1
// and 2 of the tool read what is said in the line itself in different ways; a file's bytes both take as they are.
export function aws(origin, fn, { version, priority, stream, ...body }) {
  return [`printf %s ${quoted(body)} > request.json &&`,
    `aws lambda invoke --endpoint-url ${quote(origin)} --region us-east-1 ${session.get().asks ? '' : '--no-sign-request '}\\`,
    `  --function-name ${quote(fn)}${version ? ` --qualifier ${quote(version)}` : ''} --cli-read-timeout 0 \\`,
    '  --payload fileb://request.json answer.json &&',
    `python3 -c 'import base64, json; open("${answerOf(body).file}", "wb").write(base64.b64decode(json.load(open("answer.json"))["${answerOf(body).field}"]))'`].join('\n');
}

// literal is a JSON value as Python writes it.
export function literal(v, indent = '') {
  if (v === null) return 'None';
  if (v === true) return 'True';
  if (v === false) return 'False';
  if (Array.isArray(v)) return `[${v.map((x) => literal(x, indent)).join(', ')}]`;
  if (typeof v === 'object') return `{\n${Object.entries(v).map(([k, x]) => `${indent}    ${JSON.stringify(k)}: ${literal(x, `${indent}    `)},\n`).join('')}${indent}}`;
  return JSON.stringify(v);
}

export function python(origin, model, body) {
  return `import json
${session.get().asks ? 'import os\n' : ''}import urllib.request

body = ${literal(body)}
request = urllib.request.Request(
    ${JSON.stringify(`${origin}/v1/models/${encodeURIComponent(model)}/generate`)},
    data=json.dumps(body).encode(),
    headers={
        "Content-Type": "application/json",
        "Accept": "${answerOf(body).type}",
        "Prefer": "wait=600",
${session.get().asks ? '        "Authorization": "Bearer " + os.environ["VIDEOSDGX_KEY"],\n' : ''}    },
)
with urllib.request.urlopen(request) as answer, open("${answerOf(body).file}", "wb") as clip:
    clip.write(answer.read())
`;
}

export function Snippets({ model, body, onClose }) {
  const [which, pick] = useState('curl');
  const text = { curl: () => curl(location.origin, model.model, body), aws: () => aws(location.origin, model.function, body), python: () => python(location.origin, model.model, body) }[which]();
  return html`<${Dialog} title=${t('code')} wide onClose=${onClose}><div class="stack">
    <div class="row between"><${Tabs} label=${t('code.for')} value=${which} onPick=${pick} options=${[{ value: 'curl', label: 'curl' }, { value: 'aws', label: 'AWS CLI' }, { value: 'python', label: 'Python' }]} />
      <button class="quiet" onClick=${() => copy(text)}>${icon('copy')}${t('copy')}</button></div>
    <pre class="code large" tabindex="0" aria-label=${t('code')}>${text}</pre>
    ${JSON.stringify(body).includes('upload:') && html`<p class="muted small">${t('code.upload')}</p>`}
  </div><//>`;
}
