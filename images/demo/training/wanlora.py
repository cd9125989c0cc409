"""Two LoRAs on the Wan demo: striped shapes, and four steps without guidance."""
import json
import os
import random
import time

import torch
import torch.nn.functional as F

import lora
import stripes
import text
import vae as autoencoder
from budget import Budget, Keeper, finite
from dit import build, noise_levels
from judge import KEYS, score
from optim import Average, Optimiser
from sample import Pipeline, sheet
from shapes import FRAMES, SIDE, caption, draw_specs, paint, parameters

WIDTH = 48                                          # tokens
STEPS, STEP_SHIFT = (1000, 750, 500, 250), 5.0      # the step-distilled schedule of LightX2V: the list is before the shift
GUIDANCE = 4.0                                      # that is folded in
SUBSTEPS = (4, 4, 5, 9)                             # of the teacher in each of the student's steps


def sigmas():
    s = [t / 1000 for t in STEPS]
    return [STEP_SHIFT * v / (1 + (STEP_SHIFT - 1) * v) for v in s] + [0.]


def load(o):
    """The base transformer and text encoder in float32, frozen, and the tokenizer."""
    dit, umt5 = build(o.device, resume=o.base)
    return dit.requires_grad_(False).eval(), umt5.requires_grad_(False).eval(), text.load_tokenizer(o.base)


def compiled(dit, o):
    if o.compile:
        for b in dit.blocks:
            b.compile()
    return dit


@torch.no_grad()
def embed(umt5, tok, texts, device):
    """Text states [N, 64, 256], half precision, in parts."""
    ids, mask = text.tokens(tok, texts, device, WIDTH)
    return torch.cat([text.encode(umt5, i, m).half() for i, m in zip(ids.split(512), mask.split(512))])


def velocity(dit, x, s, c, amp):
    """s: noise levels [B]."""
    with torch.autocast(x.device.type, torch.bfloat16, enabled=amp):
        return dit(hidden_states=x, timestep=s * 1000, encoder_hidden_states=c, return_dict=False)[0].float()


# --- striped shapes

@torch.no_grad()
def clips(o, n, yes, rng, budget, share):
    """Normalised latents of n clips, striped or not, and their specs; fewer where the time is short."""
    vae = autoencoder.whole_sequence(autoencoder.channels_last(autoencoder.AutoencoderKLWan.from_pretrained(f"{o.base}/vae").float().to(o.device).eval()))
    mean, std = autoencoder.scaling(vae, o.device)
    specs, size, z = draw_specs(n, rng), 32 if o.device == "cuda" else 2, []
    for i in range(0, n - size + 1, size):
        p = parameters(specs[i:i + size], o.device)
        x = stripes.render(p, o.frames, o.side) if yes else paint(p, o.frames, o.side)[0]
        with torch.autocast(o.device, torch.bfloat16, enabled=o.device == "cuda"):
            z.append(((autoencoder.encode(vae, x)[0] - mean) / std).half())
        if o.end and i % (8 * size) == 0:
            if o.device == "cuda":
                torch.cuda.synchronize()
            if budget.spent(0) > share:
                break
    return torch.cat(z), specs[:len(z) * size]


def striped(o):
    """Half of every batch is striped clips (flow matching); half is plain prompts and none, where the base's own answer is the aim."""
    budget, rng, amp, half = Budget(o.end, o.steps), random.Random(21), o.device == "cuda", o.batch // 2
    base, umt5, tok = load(o)
    student, _ = build(o.device, resume=o.base)
    layers = lora.wrap(student, o.rank)
    zs, ss = clips(o, o.clips, True, rng, budget, .12)
    zp, sp = clips(o, o.clips, False, rng, budget, .2)
    cs = torch.stack([embed(umt5, tok, [stripes.words(s, rng, True) for s in ss], o.device) for _ in range(3)])
    cp = torch.stack([embed(umt5, tok, [stripes.words(s, rng, False) for s in sp], o.device) for _ in range(3)])
    null = embed(umt5, tok, [""], o.device)
    print(f"striped: {len(zs)} striped and {len(zp)} plain clips after {budget.seconds():.0f}s, {sum(p.numel() for p in lora.parameters(layers))} parameters", flush=True)
    compiled(student, o), compiled(base, o)
    opt = Optimiser([], lora.parameters(layers), o.lr, o.lr)
    average, step, seen = Average(opt.all, .998), 0, torch.zeros(2, device=o.device)

    def keep():
        average.swap()
        lora.save(layers, f"{o.out}/striped.safetensors")
        average.swap()
    keeper = Keeper(keep, o.keep)
    while (spent := budget.spent(step)) < 1:
        pick = lambda n: torch.randint(n, (half,), device=o.device)
        i, j, drop = pick(len(zs)), pick(len(zp)), torch.rand(half, 1, 1, device=o.device) < .2
        x0, c = torch.cat([zs[i], zp[j]]).float(), torch.cat([cs[pick(3), i], torch.where(drop, null, cp[pick(3), j])]).float()
        noise, s = torch.randn_like(x0), noise_levels(2 * half, o.device)
        w = s.view(-1, 1, 1, 1, 1)
        xt = (1 - w) * x0 + w * noise
        with torch.no_grad():
            own = velocity(base, xt[half:], s[half:], c[half:], amp)
        v = velocity(student, xt, s, c, amp)
        new, same = F.mse_loss(v[:half], (noise - x0)[:half]), F.mse_loss(v[half:], own)
        (new + 3 * same).backward()
        opt.step(spent, step)
        average.update()
        seen += torch.stack([new.detach(), same.detach()])
        step += 1
        if step % o.every == 0:
            print(f"striped step {step} {budget.seconds():.0f}s mean loss striped {finite(seen[0].item()/o.every):.4f} plain {seen[1].item()/o.every:.5f}", flush=True)
            seen.zero_()
            keeper()
    keep()
    print("striped steps", step, flush=True)


# --- four steps

@torch.no_grad()
def guided(dit, x, s, c, null, amp):
    t = torch.full((2 * len(x),), s, device=x.device)
    v, u = velocity(dit, torch.cat([x, x]), t, torch.cat([c, null.expand_as(c)]), amp).chunk(2)
    return u + GUIDANCE * (v - u)


@torch.no_grad()
def segment(dit, x, k, c, null, amp):
    """The teacher from the student's noise level k to the next: second-order multistep, even in the unshifted time."""
    s, n = sigmas(), SUBSTEPS[k]
    flat = lambda v: v / (3 - 2 * v)                                                   # undoes a shift of 3
    u = [flat(s[k]) + (flat(s[k + 1]) - flat(s[k])) * i / n for i in range(n + 1)]
    grid = [3 * v / (1 + 2 * v) for v in u]
    last = None
    for a, b in zip(grid, grid[1:]):
        v = guided(dit, x, a, c, null, amp)
        h = b - a
        if last is None:
            x = x + h * v
        else:
            r = h / last[1]
            x = x + h * ((1 + r / 2) * v - r / 2 * last[0])
        last = (v, h)
    return x


class Pool:
    """Paths in half precision: the state at each of the student's levels, the aim, and the prompt; the oldest make room."""

    def __init__(self, o):
        shape = (o.paths, 4, 16, (o.frames - 1) // 4 + 1, o.side // 8, o.side // 8)
        self.states, self.aims = (torch.empty(shape, dtype=torch.half, device=o.device) for _ in range(2))
        self.text = torch.empty(o.paths, text.MAX_TOKENS, 256, dtype=torch.half, device=o.device)
        self.n = self.next = 0

    def add(self, states, aims, c):
        for i in range(len(c)):
            self.states[self.next], self.aims[self.next], self.text[self.next] = states[i], aims[i], c[i]
            self.next = (self.next + 1) % len(self.text)
            self.n = min(self.n + 1, len(self.text))


@torch.no_grad()
def trajectories(pool, teacher, student, umt5, tok, o, rng, until, most):
    """Put up to `most` paths into the pool, at least some, until a moment. student None: the teacher's own path; else the states
    are where the student gets to, and the aims what the teacher would do from there."""
    null, amp, s, made = embed(umt5, tok, [""], o.device).float(), o.device == "cuda", sigmas(), 0
    while not made or (time.time() < until and made < most):
        c = embed(umt5, tok, [caption(v, rng, .06) for v in draw_specs(o.pool, rng)], o.device)
        x = torch.randn(o.pool, 16, (o.frames - 1) // 4 + 1, o.side // 8, o.side // 8, device=o.device)
        states, aims = [], []
        for k in range(4):
            y = segment(teacher, x, k, c.float(), null, amp)
            states.append(x.half())
            aims.append(y.half())
            x = y if student is None else x + (s[k + 1] - s[k]) * velocity(student, x, torch.full((o.pool,), s[k], device=o.device), c.float(), amp)
        pool.add(torch.stack(states, 1), torch.stack(aims, 1), c)
        made += o.pool
        if o.device == "cuda":
            torch.cuda.synchronize()
    return made


def distil(o):
    """Learn the guided teacher's path in four strides: first from its own states, then also from where the student gets to."""
    budget, rng, amp = Budget(o.end, o.steps), random.Random(31), o.device == "cuda"
    teacher, umt5, tok = load(o)
    student, _ = build(o.device, resume=o.base)
    layers = lora.wrap(student, o.rank)
    compiled(student, o), compiled(teacher, o)
    opt = Optimiser([], lora.parameters(layers), o.lr, o.lr)
    average, step, seen, s = Average(opt.all, .999), 0, torch.zeros(4, device=o.device), torch.tensor(sigmas(), device=o.device)
    at = lambda share: budget.start + share * (o.end - budget.start) if o.end else 0
    pool = Pool(o)
    trajectories(pool, teacher, None, umt5, tok, o, rng, at(.22), o.paths)
    print(f"four steps: {pool.n} paths after {budget.seconds():.0f}s, {sum(p.numel() for p in lora.parameters(layers))} parameters", flush=True)

    def keep():
        average.swap()
        lora.save(layers, f"{o.out}/four_steps.safetensors", distilled="4step")    # the schedule that the runtime knows by this name
        average.swap()
    keeper, rounds = Keeper(keep, o.keep), [.5, .72]
    while (spent := budget.spent(step)) < 1:
        if rounds and spent > rounds[0]:
            rounds.pop(0)
            average.swap()
            more = trajectories(pool, teacher, student, umt5, tok, o, rng, at(spent + .09), o.paths // 3)
            average.swap()
            print(f"four steps: {more} more from the student's own states after {budget.seconds():.0f}s", flush=True)
        i, k = torch.randint(pool.n, (o.batch,), device=o.device), torch.randint(4, (o.batch,), device=o.device)
        x, y = pool.states[i, k].float(), pool.aims[i, k].float()
        v = velocity(student, x, s[k], pool.text[i].float(), amp)
        each = ((v - (y - x) / (s[k + 1] - s[k]).view(-1, 1, 1, 1, 1)) ** 2).mean((1, 2, 3, 4))
        each.mean().backward()
        opt.step(spent, step)
        average.update()
        seen += torch.stack([(each * (k == j)).sum() / (k == j).sum().clamp_min(1) for j in range(4)]).detach()
        step += 1
        if step % o.every == 0:
            print(f"four steps: step {step} {budget.seconds():.0f}s mean loss per level", [round(finite(v), 4) for v in (seen / o.every).tolist()], flush=True)
            seen.zero_()
            keeper()
    keep()
    print("four steps: steps", step, flush=True)


# --- how good

@torch.no_grad()
def few(pipe, prompts, seed, o):
    """Four Euler steps without guidance."""
    mean, std = autoencoder.scaling(pipe.vae, pipe.device)
    c, s = pipe.embed(prompts), sigmas()
    gen = torch.Generator("cpu").manual_seed(seed)
    x = torch.randn(len(prompts), 16, (o.frames - 1) // 4 + 1, o.side // 8, o.side // 8, generator=gen).to(pipe.device)
    for a, b in zip(s, s[1:]):
        x = x + (b - a) * velocity(pipe.dit, x, torch.full((len(x),), a, device=pipe.device), c, False)
    return torch.cat([autoencoder.decode(pipe.vae, z).clamp(-1, 1) for z in (x * std + mean).split(8)])


def parts(make, words, seed, size=48):
    return torch.cat([make(words[i:i + size], seed + i).cpu() for i in range(0, len(words), size)])


def evaluate(o):
    """Scores of the base and of whichever LoRAs are there, on the same prompts and noise; OUT/*.json and contact sheets."""
    rng = random.Random(o.seed)
    specs = draw_specs(o.n, rng)
    words = [caption(s, rng) for s in specs]
    usual = lambda pipe: lambda p, s: pipe(p, s, o.sampling, GUIDANCE, o.frames, o.side)
    base = parts(usual(Pipeline(o.base, o.device)), words, o.seed)
    say = lambda name, videos: {"clips": name, **score(videos, specs)[0], "all": sum(all(g.values()) for g in score(videos, specs)[1]) / o.n,
                                "striped": sum(stripes.is_striped(v, s["bg"]) for v, s in zip(videos, specs)) / o.n}
    rows = [say("base, 20 steps, guidance 4", base)]
    if os.path.exists(f"{o.out}/four_steps.safetensors"):
        pipe = Pipeline(o.base, o.device)
        rows.append(say("base, four steps without guidance", parts(lambda p, s: few(pipe, p, s, o), words, o.seed)))
        lora.merge(pipe.dit, f"{o.out}/four_steps.safetensors")
        videos = parts(lambda p, s: few(pipe, p, s, o), words, o.seed)
        rows.append(say("four-step LoRA, four steps without guidance", videos))
        rows[-1]["difference"] = (videos - base).abs().mean().item()
        sheet(videos, f"{o.out}/four_steps.png")
    if os.path.exists(f"{o.out}/striped.safetensors"):
        pipe = Pipeline(o.base, o.device)
        lora.merge(pipe.dit, f"{o.out}/striped.safetensors")
        videos = parts(usual(pipe), words, o.seed)
        rows.append(say("striped LoRA, plain prompts", videos))
        rows[-1]["difference"] = (videos - base).abs().mean().item()
        asked = [stripes.words(s, random.Random(o.seed + i), True) for i, s in enumerate(specs)]
        videos = parts(usual(pipe), asked, o.seed)
        rows.append(say("striped LoRA, striped prompts", videos))
        sheet(videos, f"{o.out}/striped.png")
        rows.append(say("base, striped prompts", parts(usual(Pipeline(o.base, o.device)), asked, o.seed)))
    p = parameters(specs, "cpu", torch.Generator().manual_seed(o.seed))
    rows.append(say("true renderings", torch.cat([paint({k: v[i:i + 8] for k, v in p.items()}, o.frames, o.side)[0] for i in range(0, o.n, 8)])))
    rows.append(say("true striped renderings", torch.cat([stripes.render({k: v[i:i + 8] for k, v in p.items()}, o.frames, o.side) for i in range(0, o.n, 8)])))
    for r in rows:
        print({k: round(v, 3) if isinstance(v, float) else v for k, v in r.items()}, flush=True)
    json.dump(dict(n=o.n, seed=o.seed, sampling=o.sampling, rows=rows), open(f"{o.out}/wan_lora_scores.json", "w"), indent=1)
