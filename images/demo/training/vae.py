"""The autoencoder: its sizes, the whole-sequence form it is trained in, its loss and its training."""
import math
import os
import random
import time

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan

from judge import score
from optim import Optimiser
from shapes import FRAMES, SIDE, draw_specs, paint, parameters, render

SIZES = dict(base_dim=16, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=1, temperal_downsample=[False, True, True])


def whole_sequence(vae):
    """Run the causal VAE over all frames at once instead of chunk by chunk: the same function, without the feature cache.
    Frame 0 skips every time_conv; upsampling gives frames 1.. their own causal sequence, downsampling strides unpadded."""
    def resample(self, x, feat_cache=None, feat_idx=None):
        if self.mode == "upsample3d" and x.shape[2] > 1:
            y = self.time_conv(x[:, :, 1:])
            b, c2, t, h, w = y.shape
            y = y.view(b, 2, c2 // 2, t, h, w).permute(0, 2, 3, 1, 4, 5).reshape(b, c2 // 2, 2 * t, h, w)
            x = torch.cat([x[:, :, :1], y], 2)
        b, c, t, h, w = x.shape
        x = self.resample(x.permute(0, 2, 1, 3, 4).reshape(b * t, c, h, w))
        x = x.view(b, t, x.shape[1], x.shape[2], x.shape[3]).permute(0, 2, 1, 3, 4)
        if self.mode == "downsample3d" and t > 1:
            x = torch.cat([x[:, :, :1], self.time_conv(x)], 2)
        return x
    for m in vae.modules():
        if type(m).__name__ == "WanResample":
            m.forward = resample.__get__(m)
    return vae


def channels_last(vae):
    """Keep the kernels in the order the accelerator's convolutions want; on a CPU nothing changes."""
    for p in vae.parameters():
        if p.is_cuda and p.ndim >= 4:
            p.data = p.data.contiguous(memory_format=torch.channels_last_3d if p.ndim == 5 else torch.channels_last)
    return vae


def encode(vae, x):
    mean, logvar = vae.quant_conv(vae.encoder(x)).float().chunk(2, 1)
    return mean, logvar.clamp(-30, 20)


def decode(vae, z):
    return vae.decoder(vae.post_quant_conv(z))


def scaling(vae, device):
    """Latent mean and deviation [1, C, 1, 1, 1] from the configuration."""
    shape = lambda v: torch.tensor(v, device=device)[None, :, None, None, None]
    return shape(vae.config.latents_mean), shape(vae.config.latents_std)


def loss_of(x, y, near, mean, logvar, kl_weight):
    """Every frame's shape weighs as much as its background, however small; colour differences and edges count extra."""
    share = near.mean((3, 4), keepdim=True).clamp_min(.01)
    near = F.max_pool3d(near, (5, 1, 1), 1, (2, 0, 0))                                # where it was and will be, too
    w = .5 + .5 * near / share
    d = y - x
    l1, l2 = (w * d.abs()).mean(), (w * d * d).mean()
    chroma = (w * ((d[:, 0] - d[:, 1]).abs() + (d[:, 2] - d[:, 1]).abs())[:, None]).mean()
    edge = sum((w.narrow(i, 1, w.shape[i] - 1) * d.diff(dim=i).abs()).mean() for i in (2, 3, 4))
    kl = .5 * (mean ** 2 + logvar.exp() - 1 - logvar).mean()
    return l1 + 2 * l2 + .3 * chroma + .3 * edge + kl_weight * kl, (d * d).mean(), kl


def objective(vae, kl_weight, amp):
    def run(x, near, noise):
        with torch.autocast(x.device.type, torch.bfloat16, enabled=amp):
            mean, logvar = encode(vae, x)
            y = decode(vae, mean + noise * (logvar * .5).exp())
        return loss_of(x, y.float(), near, mean, logvar, kl_weight)
    return run


def optimiser(vae, lr, muon):
    edges = ("encoder.conv_in", "decoder.conv_out", "quant_conv", "post_quant_conv")
    inner = lambda n, p: muon and p.ndim >= 4 and p[0].numel() > 64 and not n.startswith(edges)
    named = list(vae.named_parameters())
    return Optimiser([p for n, p in named if inner(n, p)], [p for n, p in named if not inner(n, p)], lr,
                     1e-3 if muon else lr, betas=(.9, .99), clip=.5)


def build(device, resume=None, **changes):
    torch.manual_seed(0)
    vae = AutoencoderKLWan(**{**SIZES, **changes})
    if resume:
        vae.load_state_dict(AutoencoderKLWan.from_pretrained(resume).state_dict())
    return whole_sequence(channels_last(vae.to(device)))


def fit(vae, o, log=print, until=None):
    """Train for o.minutes or o.steps; until(step) is called every 500 steps with the state of things."""
    rng, amp = random.Random(0), o.device == "cuda"
    torch.manual_seed(int(time.time()))
    run, draw = objective(vae, o.kl, amp), paint
    if o.compile:
        run, draw = torch.compile(run), torch.compile(paint)
    opt, latent = optimiser(vae, o.lr, o.muon), (o.batch, 16, (o.frames - 1) // 4 + 1, o.side // 8, o.side // 8)
    t0, step, started = time.time(), 0, time.time()
    while True:
        if step == 3:
            started = time.time()                                                     # what compiling took is not training
        spent = (time.time() - t0) / (o.minutes * 60) if o.minutes else step / o.steps
        if spent >= 1:
            break
        with torch.no_grad():
            x, near = draw(parameters(draw_specs(o.batch, rng), o.device), o.frames, o.side)
        loss, l2, kl = run(x, near, torch.randn(latent, device=o.device))
        loss.backward()
        opt.step(spent, step)
        step += 1
        if step % o.every == 0:
            log(f"vae step {step} {time.time()-t0:.0f}s ({(step-3)/(time.time()-started):.1f}/s) loss {loss.item():.4f} "
                f"psnr {-10*math.log10(l2.item()/4):.1f} kl {kl.item():.2f}")
            if until:
                until(step, time.time() - t0)
    return step


@torch.no_grad()
def measure(vae, device, n=96, frames=FRAMES, side=SIDE, seed=77, batch=8):
    """What is lost in float32: PSNR in dB overall and near the shape, and the judge's scores on what comes back."""
    rng, gen = random.Random(seed), torch.Generator(device).manual_seed(seed)
    specs, got, whole, close = draw_specs(n, rng), [], 0., []
    for i in range(0, n, batch):
        x, near = paint(parameters(specs[i:i + batch], device, gen), frames, side)
        y = decode(vae, encode(vae, x)[0]).clamp(-1, 1)
        e = ((y - x) ** 2)
        whole += e.mean().item() * len(x) / n
        close.append((e * near).sum().item() / (3 * near.sum().item()))
        got.append(y)
    db = lambda v: -10 * math.log10(v / 4)
    return db(whole), db(sum(close) / len(close)), score(torch.cat(got), specs)[0]


@torch.no_grad()
def statistics(vae, device, batches=16, batch=16, frames=FRAMES, side=SIDE):
    """Mean and deviation of each latent channel. The posterior's own variance counts, so that a channel the encoder
    does not use is scaled to nearly nothing and not to noise."""
    rng, means, variances = random.Random(1), [], []
    for _ in range(batches):
        mean, logvar = encode(vae, render(draw_specs(batch, rng), device, frames, side))
        means.append(mean)
        variances.append(logvar.exp().mean((0, 2, 3, 4)))
    z = torch.cat(means)
    return z.mean((0, 2, 3, 4)), (z.var((0, 2, 3, 4)) + torch.stack(variances).mean(0)).sqrt(), z.std((0, 2, 3, 4))


def save(vae, folder, device, o):
    mean, std, alone = statistics(vae, device, batches=o.batches, frames=o.frames, side=o.side)
    plain = AutoencoderKLWan(**{k: v for k, v in vae.config.items() if not k.startswith("_")})
    plain.load_state_dict({k: v.detach().float().cpu().contiguous() for k, v in vae.state_dict().items()})
    plain.register_to_config(latents_mean=[round(v, 5) for v in mean.tolist()], latents_std=[round(v, 5) for v in std.tolist()])
    plain.save_pretrained(folder)
    return [round(v, 3) for v in std.tolist()], [round(v, 3) for v in alone.tolist()]


@torch.no_grad()
def same_by_chunks(folder, device, side=SIDE):
    """Largest difference between the whole-sequence form and the published chunked one, for latents and pixels."""
    x = render(draw_specs(2, random.Random(2)), device, 17, side)
    plain = AutoencoderKLWan.from_pretrained(folder).to(device).eval()
    a = plain.encode(x).latent_dist.mean
    c = plain.decode(a).sample
    fast = whole_sequence(plain)
    return (a - encode(fast, x)[0]).abs().max().item(), (c - decode(fast, a).clamp(-1, 1)).abs().max().item()


def train(o):
    """o: see train_wan_demo.py. Writes OUT/vae, at first after 40 % of the time."""
    vae = build(o.device, o.resume)
    print("vae parameters", sum(p.numel() for p in vae.parameters()), flush=True)
    saved = [0.]

    def keep(step, seconds):
        if o.minutes and seconds - saved[0] > .4 * o.minutes * 60:
            saved[0] = seconds
            save(vae, os.path.join(o.out, "vae"), o.device, o)
    steps = fit(vae, o, lambda s: print(s, flush=True), keep)
    used, alone = save(vae, os.path.join(o.out, "vae"), o.device, o)
    print("vae steps", steps, "latent deviation", used, "of the means alone", alone, flush=True)
    print("vae chunks against whole sequence: latents %.1e pixels %.1e" % same_by_chunks(os.path.join(o.out, "vae"), o.device, o.side), flush=True)
    whole, close, judged = measure(vae, o.device, o.n, o.frames, o.side)
    print(f"vae float32 psnr {whole:.2f} dB, near the shape {close:.2f} dB, judged {judged}", flush=True)
