"""Clips with sound from prompts with the reference pipeline, how often they show what was asked, and what a port is compared with."""
import json
import os
import random
import time

import torch
from diffusers import LTX2Pipeline
from safetensors.torch import save_file

import ears
from clips import FPS, FRAMES, MAX_TOKENS, RATE, SIDE, caption, draw_specs, heard, parameters, video, wave


def load(folder, device):
    pipe = LTX2Pipeline.from_pretrained(folder, torch_dtype=torch.float32).to(device)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@torch.no_grad()
def sample(pipe, prompts, seeds, guidance=3.0, steps=20, keep=None, form="pt"):
    """Videos [N, 3, T, H, W] in [-1, 1] and waves [N, 2, samples], on the CPU. Noise is drawn on the CPU, a generator per clip:
    first the picture's [C, F, H, W], then the sound's [C, L, M]. form "latent" gives denormalised latents instead."""
    gens = [torch.Generator("cpu").manual_seed(s) for s in seeds]
    seen, sounds = pipe(prompt=prompts, height=SIDE, width=SIDE, num_frames=FRAMES, frame_rate=float(FPS), num_inference_steps=steps,
                        guidance_scale=guidance, audio_guidance_scale=guidance, stg_scale=0.0, audio_stg_scale=0.0, modality_scale=1.0,
                        audio_modality_scale=1.0, guidance_rescale=0.0, audio_guidance_rescale=0.0, spatio_temporal_guidance_blocks=None,
                        generator=gens, max_sequence_length=MAX_TOKENS, output_type=form, return_dict=False, callback_on_step_end=keep)
    if form == "latent":
        return seen.float().cpu(), sounds.float().cpu()
    return seen.permute(0, 2, 1, 3, 4).float().cpu() * 2 - 1, sounds.float().cpu()


def drawn(n, seed):
    rng = random.Random(seed)
    specs = draw_specs(n, rng)
    return specs, [caption(s, rng) for s in specs]


def sheet(videos, sounds, path):
    """Twelve clips in two columns: five frames each, and below them the loudness of the wave."""
    from PIL import Image
    rows = []
    for v, w in zip(videos[:12], sounds[:12]):
        row = torch.cat([v[:, t] for t in range(0, v.shape[1], (v.shape[1] - 1) // 4)][:5], 2)
        level = w.mean(0).unfold(0, RATE // 100, RATE // 100).abs().amax(1)
        level = torch.nn.functional.interpolate(level[None, None], row.shape[2])[0, 0]
        y = torch.arange(16)[:, None]
        strip = torch.where((15 - y) < level[None] * 24, 1., -.8).expand(3, -1, -1)
        rows.append(torch.cat([row, strip], 1))
    half = (len(rows) + 1) // 2
    rows += [torch.zeros_like(rows[0]) - 1] * (2 * half - len(rows))
    both = torch.cat([torch.cat(rows[:half], 1), torch.cat(rows[half:], 1)], 2)
    Image.fromarray(((both.clamp(-1, 1) + 1) * 127.5).byte().permute(1, 2, 0).numpy()).save(path)


def evaluate(o):
    """Scores of n drawn prompts beside those of true renderings; OUT/reference gets them, a sheet, and four clips' noise and latents."""
    specs, words = drawn(o.n, o.seed)
    pipe, folder = load(o.out, o.device), f"{o.out}/reference"
    os.makedirs(folder, exist_ok=True)
    true = ears.score(*(lambda p: (video(p)[0], heard(wave(p))))(parameters(specs, "cpu", torch.Generator().manual_seed(o.seed))), specs)[0]
    print("true renderings", {k: round(v, 3) for k, v in true.items()}, flush=True)
    for i, g in enumerate(o.guidance):
        t0, videos, sounds = time.time(), [], []
        for k in range(0, o.n, o.batch):
            v, w = sample(pipe, words[k:k + o.batch], [o.seed * 1000 + j for j in range(k, min(k + o.batch, o.n))], g, o.sampling)
            videos.append(v)
            sounds.append(w)
        videos, sounds = torch.cat(videos), torch.cat(sounds)
        made, got = ears.score(videos, sounds, specs)
        print(f"guidance {g} n {o.n}:", {k: round(v, 3) for k, v in made.items()}, f"{time.time()-t0:.0f}s", flush=True)
        name = "" if i == 0 else f"_{g:g}"
        clips = [dict(spec=s, prompt=p, seed=o.seed * 1000 + j, verdict=v) for j, (s, p, v) in enumerate(zip(specs, words, got))]
        json.dump(dict(guidance=g, steps=o.sampling, scores=made, true=true, clips=clips), open(f"{folder}/scores{name}.json", "w"), indent=1)
        sheet(videos, sounds, f"{folder}/sheet{name}.png")
    compare(pipe, words[:4], [o.seed * 1000 + j for j in range(4)], o, f"{folder}/latents.safetensors")


def compare(pipe, words, seeds, o, path):
    """What another implementation needs to be held against this one, for a few prompts: the noise, what the picture's
    first step leaves (packed, normalised), the final latents (denormalised), every eighth frame and the wave."""
    tensors = {}
    for i, (p, s) in enumerate(zip(words, seeds)):
        gen = torch.Generator("cpu").manual_seed(s)
        grid = (1, pipe.transformer.config.in_channels, (FRAMES - 1) // 4 + 1, SIDE // 16, SIDE // 16)
        tensors[f"{i}.noise"] = torch.randn(grid, generator=gen)
        tensors[f"{i}.audio_noise"] = torch.randn((1, 2, 52, 16), generator=gen)
        steps = []

        def keep(_, step, t, values):
            steps.append(values["latents"].float().cpu().clone())
            return values
        tensors[f"{i}.latents"], tensors[f"{i}.audio_latents"] = sample(pipe, [p], [s], o.guidance[0], o.sampling, keep, "latent")
        tensors[f"{i}.packed_after_first"] = steps[0]
        v, w = sample(pipe, [p], [s], o.guidance[0], o.sampling)
        tensors[f"{i}.video"] = v[0, :, ::8].half()
        tensors[f"{i}.wave"] = w[0].half()
    save_file({k: v.contiguous() for k, v in tensors.items()}, path, metadata={"prompts": json.dumps(words), "seeds": json.dumps(seeds),
                                                                            "guidance": str(o.guidance[0]), "steps": str(o.sampling)})
