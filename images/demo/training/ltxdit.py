"""The LTX-2 demo's transformer, connectors and text encoder: cached latents, flow matching of picture and sound together."""
import json
import os
import random

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLLTX2Audio, AutoencoderKLLTX2Video, FlowMatchEulerDiscreteScheduler, LTX2VideoTransformer3DModel
from diffusers.pipelines.ltx2.connectors import LTX2TextConnectors

import gemma
import ltxblocks
import ltxsound
import ltxvideo
from budget import Budget, Keeper, finite, replace
from clips import FPS, FRAMES, LATENTS, MAX_TOKENS, SIDE, caption, draw_specs, mel, parameters, video, wave
from ltxvideo import GRID
from optim import Average, Optimiser

SHIFT = 6.0                                         # of the noise level in training, about the sampler's at this size
NEAR_NOISE, EVEN = .3, .1                           # shares of the levels that are even over 0.9 to 1, and over 0 to 1
CAPTIONS = 3                                        # prompts per clip
# As released but for 0.95 more of both shifts: e^1.65 = 5.2 at this demo's 324 tokens, where the released ones have 2.
SCHEDULER = dict(num_train_timesteps=1000, shift=1.0, use_dynamic_shifting=True, base_shift=1.9, max_shift=3.0, base_image_seq_len=1024,
                 max_image_seq_len=4096, shift_terminal=0.1, time_shift_type="exponential")
FILES = {"_class_name": "LTX2Pipeline", "license": "apache-2.0", "_diffusers_version": "0.42.1", "audio_vae": ["diffusers", "AutoencoderKLLTX2Audio"],
         "connectors": ["ltx2", "LTX2TextConnectors"], "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
         "text_encoder": ["transformers", "Gemma3ForConditionalGeneration"], "tokenizer": ["transformers", "GemmaTokenizer"],
         "transformer": ["diffusers", "LTX2VideoTransformer3DModel"], "vae": ["diffusers", "AutoencoderKLLTX2Video"], "vocoder": ["ltx2", "LTX2Vocoder"]}
DEFAULTS = {"height": SIDE, "width": SIDE, "num_frames": FRAMES, "frame_rate": FPS, "num_inference_steps": 20, "guidance_scale": 4.0,
            "audio_guidance_scale": 4.0, "stg_scale": 0.0, "audio_stg_scale": 0.0, "modality_scale": 1.0, "audio_modality_scale": 1.0,
            "guidance_rescale": 0.0, "audio_guidance_rescale": 0.0, "max_sequence_length": MAX_TOKENS}


@torch.no_grad()
def latents(o, specs, budget):
    """Normalised packed latents of video [N, tokens, C] and sound [N, L, D], half precision, as many as the time allows."""
    vae = AutoencoderKLLTX2Video.from_pretrained(f"{o.out}/vae").float().to(o.device).eval()
    ear = AutoencoderKLLTX2Audio.from_pretrained(f"{o.out}/audio_vae").float().to(o.device).eval()
    size, seen, heard = 64 if o.device == "cuda" else 2, [], []
    for i in range(0, len(specs) - size + 1, size):
        p = parameters(specs[i:i + size], o.device)
        with torch.autocast(o.device, torch.bfloat16, enabled=o.device == "cuda"):
            z = ltxvideo.normalised(vae, ltxvideo.encode(vae, video(p)[0])[0])
        seen.append(z.flatten(2).transpose(1, 2).half())
        heard.append(ltxsound.normalised(ear, ltxsound.encode(ear, mel(wave(p)))[0]).half())
        if o.end and i % (size * 8) == 0:
            if o.device == "cuda":
                torch.cuda.synchronize()
            if budget.spent(0) > o.encode_share:
                break
    return torch.cat(seen), torch.cat(heard)


def noise_levels(n, device):
    """One level in each n-th of the distribution: even near pure noise, even anywhere, the rest logit-normal, shifted as the sampler's.

    A clip has one colour and one background, told by all of its 324 tokens: they show them through noise of 0.9 already. What the
    prompt says of them is learned above that alone, where more than half of the levels are for this reason."""
    u = (torch.arange(n, device=device) + torch.rand(n, device=device)) / n
    s = torch.sigmoid(torch.special.ndtri(((u - NEAR_NOISE - EVEN) / (1 - NEAR_NOISE - EVEN)).clamp(1e-5, 1 - 1e-5)))
    s = SHIFT * s / (1 + (SHIFT - 1) * s)
    return torch.where(u < NEAR_NOISE, 1 - .1 * u / NEAR_NOISE, torch.where(u < NEAR_NOISE + EVEN, (u - NEAR_NOISE) / EVEN, s))


class Model:
    """Everything that is trained here, and its text path."""

    def __init__(self, o):
        self.dit, self.con = ltxblocks.build(o.width, o.layers, o.device)
        self.text = gemma.build(o.device).float()
        if o.resume:
            of = lambda c, name: c.from_pretrained(f"{o.resume}/{name}").float().state_dict()
            self.dit.load_state_dict(of(LTX2VideoTransformer3DModel, "transformer"))
            self.con.load_state_dict(of(LTX2TextConnectors, "connectors"))
            self.text.load_state_dict(of(type(self.text), "text_encoder"))
        self.lm = self.text.model.language_model
        self.positions, self.rope = ltxblocks.Positions(self.dit, self.con, o.device), gemma.ropes(gemma.WIDTH, o.device)

    def named(self):
        return [(n, p) for m in (self.dit, self.con, self.lm) for n, p in m.named_parameters()]

    def prompt(self, ids, mask):
        return ltxblocks.connect(self.con, gemma.encode(self.lm, ids, self.rope), mask, self.positions)

    def optimiser(self, lr):
        matrix = lambda n, p: p.ndim == 2 and ("blocks." in n or n.startswith("layers.")) and "table" not in n and "gate_logits" not in n
        named = self.named()
        return Optimiser([p for n, p in named if matrix(n, p)], [p for n, p in named if not matrix(n, p)], lr, 1e-3)


def objective(model, prompt, amp):
    def run(x0, a0, noise, sound_noise, s, ids, mask):
        w = s.view(-1, 1, 1)
        with torch.autocast(x0.device.type, torch.bfloat16, enabled=amp):
            text, sound_text = prompt(ids, mask)
            v, u = ltxblocks.velocity(model.dit, (1 - w) * x0 + w * noise, (1 - w) * a0 + w * sound_noise, text, sound_text, s * 1000, model.positions)
        return F.mse_loss(v.float(), noise - x0), F.mse_loss(u.float(), sound_noise - a0)
    return run


def save(model, o):
    """Transformer, connectors and text encoder as bfloat16, scheduler and index, in diffusers' layout."""
    out = o.out
    bf16 = lambda m: {k: v.detach().cpu().to(torch.bfloat16).contiguous() for k, v in m.state_dict().items()}

    def write(make, state, **how):
        plain = make().to(torch.bfloat16)
        plain.load_state_dict(state)
        return lambda f: plain.save_pretrained(f, **how)
    replace(f"{out}/transformer", write(lambda: LTX2VideoTransformer3DModel(**ltxblocks.transformer_config(o.width, o.layers)), bf16(model.dit), max_shard_size="14MB"))
    replace(f"{out}/connectors", write(lambda: LTX2TextConnectors(**ltxblocks.connectors_config(o.width)), bf16(model.con)))
    replace(f"{out}/text_encoder", write(lambda: gemma.build("cpu"), bf16(model.text)))
    replace(f"{out}/scheduler", FlowMatchEulerDiscreteScheduler(**SCHEDULER).save_pretrained)
    json.dump({**FILES, "defaults": DEFAULTS}, open(f"{out}/model_index.json", "w"), indent=2)


def prompts(tok, specs, o, rng):
    """CAPTIONS sets of ids and mask for the specs, and those of the empty prompt."""
    sets = [gemma.tokens(tok, [caption(s, rng, .06) for s in specs], o.device) for _ in range(CAPTIONS)]
    return torch.stack([s[0] for s in sets]), torch.stack([s[1] for s in sets]), gemma.tokens(tok, [""], o.device)


def fit(model, x, a, ids, mask, null, o, budget, keep, average):
    prompt = model.prompt
    if o.compile:
        for block in model.dit.transformer_blocks:
            block.compile()
        prompt = torch.compile(prompt)
    run, opt, step, seen = objective(model, prompt, o.device == "cuda"), model.optimiser(o.lr), 0, torch.zeros(2, device=o.device)
    average.follow(p for _, p in model.named())

    def one():
        """A whole step, of the device alone: what is drawn, forwards, backwards, weights, average."""
        i = torch.randint(len(x), (o.batch,), device=o.device)
        which = torch.randint(len(ids), (o.batch,), device=o.device)
        drop = torch.rand(o.batch, 1, device=o.device) < .1
        x0, a0 = x[i].float(), a[i].float()
        lv, la = run(x0, a0, torch.randn_like(x0), torch.randn_like(a0), noise_levels(o.batch, o.device),
                     torch.where(drop, null[0], ids[which, i]), torch.where(drop, null[1], mask[which, i]))
        (lv + la).backward()
        opt.apply()
        average.update()
        seen.add_(torch.stack([lv.detach(), la.detach()]))

    play, ahead = recorded(one, lambda: opt.set(0, 0), o), Ahead(o.device)
    seen.zero_()
    while (spent := budget.spent(step)) < 1:
        opt.set(spent, step)
        play()
        ahead.wait()
        step += 1
        if step % o.every == 0:
            lv, la = (seen / o.every).tolist()
            print(f"dit step {step} {budget.seconds():.0f}s mean loss picture {finite(lv):.4f} sound {la:.4f}", flush=True)
            seen.zero_()
            keep()
    return step


def recorded(one, begin, o):
    """one as a CUDA graph, so that a step costs the processor a single call; as it is where there is no GPU, or it cannot be recorded:
    anything in it that waits for the processor would be told here. The first steps are taken at the rate that begin sets."""
    begin()
    if o.device != "cuda" or not o.graph:
        return one
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):                          # compiles, and makes what stays: the optimiser's state, the libraries' workspaces
            one()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            one()
    except Exception as e:
        print(f"the step is not recorded, and takes longer: {type(e).__name__}: {str(e)[:300]}", flush=True)
        torch.cuda.synchronize()
        return one
    print("the step is recorded", flush=True)
    return graph.replay


class Ahead:
    """Lets the processor be a few steps ahead of the GPU, and no more: the time that is spent is the GPU's."""

    def __init__(self, device, steps=4):
        self.events = [torch.cuda.Event() for _ in range(steps)] if device == "cuda" else []
        self.n = 0

    def wait(self):
        if not self.events:
            return
        e = self.events[self.n % len(self.events)]
        if self.n >= len(self.events):
            e.synchronize()
        e.record()
        self.n += 1


def warm(o):
    """Three steps on noise, saved nowhere: fills the compiler's cache while the autoencoders are being trained."""
    model, average = Model(o), Average([torch.zeros(1)])
    x, a = torch.randn(512, GRID[0] * GRID[1] * GRID[2], ltxvideo.LATENT, device=o.device).half(), torch.randn(512, LATENTS, 32, device=o.device).half()
    ids = torch.randint(4, 400, (CAPTIONS, 512, gemma.WIDTH), device=o.device)
    fit(model, x, a, ids, torch.ones_like(ids), (ids[0, :1], torch.ones_like(ids[0, :1])), o, Budget(0, 3), lambda: None, average)
    print("warm", flush=True)


def train(o):
    """Needs OUT/vae, OUT/audio_vae, OUT/vocoder and OUT/tokenizer; writes the rest, every o.keep seconds and at the end."""
    os.makedirs(o.out, exist_ok=True)
    budget, rng = Budget(o.end, o.steps), random.Random(11)
    specs = draw_specs(o.clips, rng)
    x, a = latents(o, specs, budget)
    specs = specs[:len(x)]
    ids, mask, null = prompts(gemma.load_tokenizer(f"{o.out}/tokenizer"), specs, o, rng)
    print(f"latents {tuple(x.shape)} {tuple(a.shape)} in {budget.seconds():.0f}s, deviation {x.float().std():.3f} {a.float().std():.3f}, "
          f"longest prompt {int(mask.sum(2).max())} tokens", flush=True)
    model = Model(o)
    print("parameters: dit", *(sum(p.numel() for p in m.parameters()) for m in (model.dit, model.con, model.lm)), flush=True)
    torch.manual_seed(0)
    average = Average([torch.zeros(1)])

    def keep():
        average.swap()
        save(model, o)
        average.swap()
    steps = fit(model, x, a, ids, mask, null, o, budget, Keeper(keep, o.keep), average)
    keep()
    print("dit steps", steps, f"saved after {budget.seconds():.0f}s", flush=True)
