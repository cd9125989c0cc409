"""Clips from prompts with the reference implementation, and how often they show what was asked."""
import collections
import json
import random
import time

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel
from transformers import UMT5EncoderModel

import text
import vae as autoencoder
from judge import KEYS, score
from shapes import FRAMES, SIDE, caption, draw_specs, render


class Pipeline:
    """A checkpoint, loaded in float32."""

    def __init__(self, folder, device):
        load = lambda c, name: c.from_pretrained(f"{folder}/{name}").to(device, torch.float32).eval()
        self.vae, self.dit = load(AutoencoderKLWan, "vae"), load(WanTransformer3DModel, "transformer")
        self.umt5, self.tok = load(UMT5EncoderModel, "text_encoder"), text.load_tokenizer(folder)
        self.scheduler = UniPCMultistepScheduler.from_pretrained(f"{folder}/scheduler")
        self.device = device
        autoencoder.whole_sequence(self.vae)                                           # the same function, in one pass

    def embed(self, prompts):
        ids, mask = text.tokens(self.tok, prompts, self.device)
        return self.umt5(input_ids=ids, attention_mask=mask).last_hidden_state * mask[..., None]

    @torch.no_grad()
    def denoise(self, prompts, seed, steps, guidance, frames, side):
        self.scheduler.set_timesteps(steps, device=self.device)
        c = torch.cat([self.embed(prompts), self.embed([""] * len(prompts))])
        gen = torch.Generator("cpu").manual_seed(seed)
        x = torch.randn(len(prompts), 16, (frames - 1) // 4 + 1, side // 8, side // 8, generator=gen).to(self.device)
        for t in self.scheduler.timesteps:
            v, u = self.dit(hidden_states=torch.cat([x, x]), timestep=t.expand(2 * len(prompts)), encoder_hidden_states=c,
                            return_dict=False)[0].chunk(2)
            x = self.scheduler.step(u + guidance * (v - u), t, x, return_dict=False)[0]
        return x

    @torch.no_grad()
    def __call__(self, prompts, seed=0, steps=20, guidance=4.0, frames=FRAMES, side=SIDE):
        mean, std = autoencoder.scaling(self.vae, self.device)
        x = self.denoise(prompts, seed, steps, guidance, frames, side) * std + mean
        return torch.cat([autoencoder.decode(self.vae, z).clamp(-1, 1) for z in x.split(8)])


def missed(got, specs):
    """Which motions, sizes, shapes and colours the wrong clips have, most frequent first."""
    count = collections.Counter()
    for g, s in zip(got, specs):
        for k in KEYS:
            if not g[k]:
                count.update([(k, s["motion"]), (k, s["shape"]), (k, s["size"] or "middling"), (k, s["color"] + " on " + s["bg"])])
    return [f"{k}: {v} ({n})" for (k, v), n in count.most_common(14)]


def sheet(videos, path):
    """Two columns of six clips, five frames each."""
    from PIL import Image
    rows = [torch.cat([v[:, t] for t in range(0, v.shape[1], max(1, (v.shape[1] - 1) // 4))][:5], 2) for v in videos[:12]]
    half = (len(rows) + 1) // 2
    rows += [torch.zeros_like(rows[0]) - 1] * (2 * half - len(rows))
    both = torch.cat([torch.cat(rows[:half], 1), torch.cat(rows[half:], 1)], 2)
    Image.fromarray(((both.clamp(-1, 1) + 1) * 127.5).byte().permute(1, 2, 0).cpu().numpy()).save(path)


def evaluate(o, folder, seed, picture=None):
    """n drawn prompts, sampled with the checkpoint's defaults; prints shares of right clips beside those of true renderings."""
    rng = random.Random(seed)
    specs = draw_specs(o.n, rng)
    words = [caption(s, rng) for s in specs]
    pipe, t0 = Pipeline(folder, o.device), time.time()
    videos = torch.cat([pipe(words[i:i + 48], seed + i, o.sampling, 4.0, o.frames, o.side).cpu() for i in range(0, o.n, 48)])
    made, got = score(videos, specs)
    true = score([render([s], "cpu", o.frames, o.side)[0] for s in specs], specs)[0]
    all_right = sum(all(g.values()) for g in got) / len(got)
    print(f"{folder} seed {seed} n {o.n}: " + ", ".join(f"{k} {made[k]:.3f} (true renderings {true[k]:.3f})" for k in KEYS) +
          f", all three {all_right:.3f}; {time.time()-t0:.0f}s", flush=True)
    print("  wrong:", "; ".join(missed(got, specs)), flush=True)
    if picture:
        sheet(videos, picture + ".png")
        json.dump(words[:12], open(picture + ".json", "w"), indent=1)
    return made
