// Clips that there are already: of the same request, or of words that are alike. What was not made anew says so.
import { html, t, icon, Dialog, kept, useStore, percent, ago } from './lib.js';
import { post } from './api.js';
import { Player, prompt } from './clip.js';

// taken are the clips that stand for something else than what they were made for, by job: {asked, alike}; alike 1 is the same request.
const taken = kept('taken', {}, 'sessionStorage');
export const take = (job, asked, alike) => taken.set((all) => Object.fromEntries([...Object.entries(all).slice(-99), [job.id, { asked, alike }]]));
export const made = (job) => taken.set((all) => { const { [job.id]: gone, ...rest } = all; return rest; });

// anySeed is the wish to be offered clips of other seeds, for requests that leave theirs open.
export const anySeed = kept('similar', false);

// look gives the clips that are like a request's and not its own; none when that cannot be told soon.
export async function look(model, body, seeded) {
  if (!seeded && !anySeed.get()) return [];
  try {
    const found = await post(`/v1/models/${encodeURIComponent(model)}/similar`, body, { signal: AbortSignal.timeout(4000) });
    return seeded && found.similar.some((s) => s.job.request.prompt === body.prompt) ? [] : found.similar; // the same request is answered with its own clip
  } catch { return []; } // it is made, then
}

// likeness never says that all is the same of what is not.
export const likeness = (v) => (v < 1 ? percent(Math.min(v, 0.999), 1) : percent(1));

// Offer lets the reader choose between a clip that there is and a new one.
export function Offer({ asked, offers, onTake, onMake, onClose }) {
  return html`<${Dialog} title=${t('similar.title')} wide onClose=${onClose}><p>${t('similar.text')}</p><p class="muted">${t('similar.asked', { prompt: asked })}</p>
    <ul class="offers">${offers.map((s) => html`<li key=${s.job.id}><${Player} job=${s.job} /><p class="prompt">${prompt(s.job)}</p>
      <p class="muted small">${t('similar.alike', { share: likeness(s.similarity) })} · ${ago(s.job.finished_at)}</p>
      <button class="quiet" onClick=${() => onTake(s)} aria-label=${t('similar.take.of', { prompt: prompt(s.job) })}>${t('similar.take')}</button></li>`)}</ul>
    <footer><button class="quiet" onClick=${onClose}>${t('cancel')}</button><button class="primary" onClick=${onMake}>${icon('make')}${t('similar.make')}</button></footer><//>`;
}

// FromCache says of a clip that it was not made for this request, and for which one it was.
export function FromCache({ job }) {
  const x = useStore(taken)[job.id];
  if (!x) return null;
  return html`<p class="from-cache" role="note">${icon('film')}<span>${x.alike < 1 || x.asked !== prompt(job) ? t('cached.similar', { prompt: prompt(job), share: likeness(x.alike), asked: x.asked }) : t('cached.same', { when: ago(job.finished_at || job.created_at) })}</span></p>`;
}
