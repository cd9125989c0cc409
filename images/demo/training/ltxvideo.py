"""The LTX-2 demo's video autoencoder: its sizes, its training, its statistics."""
import math
import random

import torch
from diffusers import AutoencoderKLLTX2Video

from budget import Budget, Keeper, finite, replace
from clips import draw_specs, parameters, video
from optim import Optimiser
from vae import channels_last, loss_of

LATENT = 32
SIZES = dict(in_channels=3, out_channels=3, latent_channels=LATENT, block_out_channels=(64, 128),
             down_block_types=("LTX2VideoDownBlock3D", "LTX2VideoDownBlock3D"), spatio_temporal_scaling=(True, True),
             layers_per_block=(1, 1, 1), downsample_type=("spatiotemporal", "spatiotemporal"), decoder_block_out_channels=(64, 128),
             decoder_spatio_temporal_scaling=(True, True), decoder_inject_noise=(False, False, False), decoder_layers_per_block=(2, 1, 1),
             upsample_type=("spatiotemporal", "spatiotemporal"), upsample_residual=(True, True), upsample_factor=(2, 2), patch_size=4,
             patch_size_t=1, encoder_causal=True, decoder_causal=False, encoder_spatial_padding_mode="zeros",
             decoder_spatial_padding_mode="zeros", spatial_compression_ratio=16, temporal_compression_ratio=4)
GRID = (9, 6, 6)                                    # latent frames, rows, columns


def build(device):
    torch.manual_seed(0)
    return channels_last(AutoencoderKLLTX2Video(**SIZES).to(device))


def encode(vae, x):
    """Mean and log variance [B, LATENT, T, H, W]."""
    return vae.encoder(x).float().split(LATENT, 1)


def normalised(vae, mean):
    shape = lambda v: v.view(1, -1, 1, 1, 1)
    return (mean - shape(vae.latents_mean)) / shape(vae.latents_std)


def objective(vae, kl_weight, amp):
    def run(x, near, noise):
        with torch.autocast(x.device.type, torch.bfloat16, enabled=amp):
            mean, logvar = encode(vae, x)
            logvar = logvar.clamp(-30, 20)
            y = vae.decoder(mean + noise * (logvar * .5).exp(), None)
        return loss_of(x, y.float(), near, mean, logvar, kl_weight)
    return run


def optimiser(vae, lr):
    edges = ("encoder.conv_in", "decoder.conv_out", "encoder.conv_out", "decoder.conv_in")
    inner = lambda n, p: p.ndim >= 4 and not n.startswith(edges)
    named = list(vae.named_parameters())
    return Optimiser([p for n, p in named if inner(n, p)], [p for n, p in named if not inner(n, p)], lr, 1e-3, betas=(.9, .99), clip=.5)


@torch.no_grad()
def statistics(vae, device, batches, batch):
    """Mean and deviation per channel, the posterior's own variance counted in, into the model's buffers."""
    rng, means, variances = random.Random(1), [], []
    for _ in range(batches):
        mean, logvar = encode(vae, video(parameters(draw_specs(batch, rng), device))[0])
        means.append(mean)
        variances.append(logvar.exp().mean((0, 2, 3, 4)))
    z = torch.cat(means)
    vae.latents_mean.copy_(z.mean((0, 2, 3, 4)))
    vae.latents_std.copy_((z.var((0, 2, 3, 4)) + torch.stack(variances).mean(0)).sqrt())
    return z.std((0, 2, 3, 4))


def save(vae, folder, device, o):
    statistics(vae, device, o.batches, o.batch)
    plain = AutoencoderKLLTX2Video(**SIZES)
    plain.load_state_dict({k: v.detach().float().cpu().contiguous() for k, v in vae.state_dict().items()})
    replace(folder, lambda f: plain.to(torch.bfloat16).save_pretrained(f))


@torch.no_grad()
def measure(folder, device, n, batch=8):
    """PSNR of what comes back from the saved bfloat16 weights, overall and near the shape, in dB."""
    vae = AutoencoderKLLTX2Video.from_pretrained(folder).float().to(device).eval()
    rng, gen, whole, close = random.Random(77), torch.Generator(device).manual_seed(77), [], []
    for _ in range(n // batch):
        x, near = video(parameters(draw_specs(batch, rng), device, gen))
        e = (vae.decode(vae.encode(x).latent_dist.mean).sample.clamp(-1, 1) - x) ** 2
        whole.append(e.mean().item())
        close.append((e * near).sum().item() / (3 * near.sum().item()))
    db = lambda v: -10 * math.log10(max(sum(v) / len(v), 1e-9) / 4)
    return db(whole), db(close)


def train(o):
    """o: see train_ltx2_demo.py. Writes OUT/vae, every o.keep seconds and at the end."""
    vae, rng, amp, folder = build(o.device), random.Random(0), o.device == "cuda", f"{o.out}/vae"
    print("vae parameters", sum(p.numel() for p in vae.parameters()), flush=True)
    run, draw = objective(vae, o.kl, amp), video
    if o.compile:
        run, draw = torch.compile(run), torch.compile(video)
    opt, budget = optimiser(vae, o.lr), Budget(o.end, o.steps)
    keep, step = Keeper(lambda: save(vae, folder, o.device, o), o.keep), 0
    while (spent := budget.spent(step)) < 1:
        with torch.no_grad():
            x, near = draw(parameters(draw_specs(o.batch, rng), o.device))
        loss, l2, kl = run(x, near, torch.randn(o.batch, LATENT, *GRID, device=o.device))
        loss.backward()
        opt.step(spent, step)
        step += 1
        if step % o.every == 0:
            print(f"vae step {step} {budget.seconds():.0f}s loss {finite(loss.item()):.4f} psnr {-10*math.log10(l2.item()/4):.1f} kl {kl.item():.2f}", flush=True)
            keep()
    save(vae, folder, o.device, o)
    print("vae steps", step, "deviation", [round(v, 3) for v in vae.latents_std.tolist()], flush=True)
    print("vae psnr %.2f dB, near the shape %.2f dB" % measure(folder, o.device, o.n), flush=True)
