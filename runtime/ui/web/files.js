// A place for a file: dropped, pasted or chosen; it is on the server before the request is sent.
import { html, useState, useRef, t, icon, classes, failed, toast, bytes, Bar } from './lib.js';
import { upload } from './api.js';
import { label, help } from './schema.js';

// seen says whether a picture can be shown; what no browser shows is for the server to judge.
async function seen(file) {
  if (!['image/png', 'image/jpeg', 'image/webp', 'image/gif'].includes(file.type)) return true;
  try { (await createImageBitmap(file)).close(); return true; } catch { return false; }
}

export function FileField({ field, value, onChange, error }) {
  const [over, setOver] = useState(false);
  const [part, setPart] = useState(undefined);
  const input = useRef();
  const limits = field['x-file'] || {};
  const types = limits.types || [];

  const take = async (file) => {
    if (!file) return;
    if (types.length && !(types.includes(file.type) && await seen(file))) return failed(new Error(t('file.type', { types: types.map((x) => x.split('/')[1]).join(', ') })));
    if (limits.maxBytes && file.size > limits.maxBytes) return failed(new Error(t('file.size', { most: bytes(limits.maxBytes) })));
    setPart(0);
    try {
      const u = await upload(file, setPart);
      onChange({ reference: u.reference, name: file.name, kind: file.type, size: file.size, url: URL.createObjectURL(file) });
    } catch (e) { failed(e); }
    setPart(undefined);
    return undefined;
  };
  const drop = (e) => {
    e.preventDefault();
    setOver(false);
    if (e.dataTransfer.files.length > 1) toast(t('file.one'));
    take(e.dataTransfer.files[0]);
  };
  const name = label(field);
  return html`<div class=${classes('drop', over && 'over', value && 'full', error && 'bad')} data-field=${field.name} onDragOver=${(e) => { e.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)} onDrop=${drop}
      onPaste=${(e) => take(e.clipboardData.files[0])}>
    ${value?.url && (value.kind?.startsWith('video/') ? html`<video class="drop-picture" src=${value.url} muted playsinline aria-hidden="true"></video>` : html`<img class="drop-picture" src=${value.url} alt=${value.name} />`)}
    <button type="button" class="drop-button" onClick=${() => input.current.click()}>
      ${!value && icon(types[0]?.startsWith('video/') ? 'film' : 'image')}<span class="drop-name">${name}</span><small>${value ? value.name : t('file.drop')}</small></button>
    ${value && html`<button type="button" class="icon-button drop-clear" aria-label=${t('file.clear', { name })} onClick=${() => onChange(undefined)}>${icon('x')}</button>`}
    ${part !== undefined && html`<${Bar} value=${part} label=${t('file.sending')} />`}
    <input ref=${input} type="file" class="hidden" tabindex="-1" aria-hidden="true" accept=${types.join(',')} onChange=${(e) => { take(e.target.files[0]); e.target.value = ''; }} />
    ${error && html`<p class="error">${error}</p>`}<span class="sr">${help(field)}</span>
  </div>`;
}
