"""The LTX-2 demo's sound: autoencoder of log-mel spectrograms and vocoder, trained side by side on drawn sounds."""
import math
import random

import torch
from diffusers import AutoencoderKLLTX2Audio
from diffusers.pipelines.ltx2.vocoder import LTX2Vocoder

from budget import Budget, Keeper, finite, replace
from clips import CHANNELS, HOP, LATENTS, MELS, RATE, draw_specs, heard, mel, parameters, wave
from optim import Optimiser

LATENT, BINS = 2, MELS // 4                         # LATENT * BINS must be base_channels: that many statistics are kept
SIZES = dict(base_channels=LATENT * BINS, output_channels=CHANNELS, ch_mult=(1, 2, 2), num_res_blocks=1, attn_resolutions=None,
             in_channels=CHANNELS, resolution=MELS, latent_channels=LATENT, norm_type="pixel", causality_axis="height", dropout=0.0,
             mid_block_add_attention=False, sample_rate=RATE, mel_hop_length=HOP, is_causal=True, mel_bins=MELS, double_z=True)
VOCODER = dict(in_channels=CHANNELS * MELS, hidden_channels=192, out_channels=CHANNELS, upsample_kernel_sizes=[11, 8, 4, 4, 4],
               upsample_factors=[5, 4, 2, 2, 2], resnet_kernel_sizes=[3, 7], resnet_dilations=[[1, 3], [1, 3]], act_fn="leaky_relu",
               leaky_relu_negative_slope=0.1, antialias=False, final_act_fn="tanh", final_bias=True, output_sampling_rate=RATE)
CENTRE, SPREAD = -9.0, 3.0                          # about the mean and deviation of the spectrograms


def build(device):
    """Autoencoder and vocoder; the first and last layers start out knowing the spectrograms' range."""
    torch.manual_seed(3)
    vae, voc = AutoencoderKLLTX2Audio(**SIZES), LTX2Vocoder(**VOCODER)
    with torch.no_grad():
        for conv in (vae.encoder.conv_in.conv, voc.conv_in):
            conv.weight.div_(SPREAD)
            conv.bias.sub_(CENTRE * conv.weight.flatten(1).sum(1))
        vae.decoder.conv_out.conv.weight.mul_(SPREAD)
        vae.decoder.conv_out.conv.bias.fill_(CENTRE)
    return vae.to(device), voc.to(device)


def encode(vae, m):
    """Mean and log variance [B, LATENT, L, BINS]."""
    return vae.encoder(m).chunk(2, 1)


def normalised(vae, mean):
    """Packed and normalised latents [B, L, LATENT * BINS]."""
    return (mean.transpose(1, 2).flatten(2) - vae.latents_mean) / vae.latents_std


def spectra(w):
    """Magnitudes at three window sizes."""
    x = w.reshape(-1, w.shape[-1])
    return [torch.stft(x, n, n // 4, n, torch.hann_window(n, device=w.device), return_complex=True).abs() * (2 / n) for n in (256, 512, 2048)]


def likeness(y, w):
    """How far waves are apart: samples, magnitudes, and their logarithms down to -60 dB."""
    loss = 4 * (y - w).abs().mean() + 20 * ((y - w) ** 2).mean()
    for a, b in zip(spectra(y), spectra(w)):
        loss = loss + 10 * (a - b).abs().mean() + .05 * ((a + 1e-3).log() - (b + 1e-3).log()).abs().mean()
    return loss


def optimiser(modules, lr):
    inner = lambda n, p: p.ndim >= 3 and not any(e in n for e in ("conv_in", "conv_out"))
    named = [(n, p) for m in modules for n, p in m.named_parameters()]
    return Optimiser([p for n, p in named if inner(n, p)], [p for n, p in named if not inner(n, p)], lr, 1e-3, betas=(.9, .99), clip=.5)


def objective(vae, voc, kl_weight):
    def run(w, noise):
        m, target = mel(w), heard(w)
        mean, logvar = encode(vae, m)
        logvar = logvar.clamp(-30, 20)
        y = vae.decoder(mean + noise * (logvar * .5).exp())
        d = y - m
        kl = .5 * (mean ** 2 + logvar.exp() - 1 - logvar).mean()
        picture = d.abs().mean() + .3 * (d * d).mean() + kl_weight * kl
        half = len(w) // 2
        sound = voc(torch.cat([m[:half], y[half:].detach()]))                         # true spectrograms and returned ones
        return picture + likeness(sound, target), (d * d).mean().sqrt(), ((sound - target) ** 2).mean(), kl
    return run


@torch.no_grad()
def statistics(vae, device, batches, batch):
    rng, means, variances = random.Random(1), [], []
    for _ in range(batches):
        mean, logvar = encode(vae, mel(wave(parameters(draw_specs(batch, rng), device))))
        means.append(mean.transpose(1, 2).flatten(2))
        variances.append(logvar.exp().transpose(1, 2).flatten(2).mean((0, 1)))
    z = torch.cat(means)
    vae.latents_mean.copy_(z.mean((0, 1)))
    vae.latents_std.copy_((z.var((0, 1)) + torch.stack(variances).mean(0)).sqrt())


def save(vae, voc, out, device, o):
    statistics(vae, device, o.batches, o.batch)
    for module, name, make in ((vae, "audio_vae", lambda: AutoencoderKLLTX2Audio(**SIZES)), (voc, "vocoder", lambda: LTX2Vocoder(**VOCODER))):
        plain = make()
        plain.load_state_dict({k: v.detach().float().cpu().contiguous() for k, v in module.state_dict().items()})
        replace(f"{out}/{name}", lambda f: plain.to(torch.bfloat16).save_pretrained(f))


@torch.no_grad()
def measure(out, device, n):
    """What the saved bfloat16 weights give back: shares that the judge of ears.py finds right, and dB of the wave's error."""
    import ears
    vae = AutoencoderKLLTX2Audio.from_pretrained(f"{out}/audio_vae").float().to(device).eval()
    voc = LTX2Vocoder.from_pretrained(f"{out}/vocoder").float().to(device).eval()
    rng, gen = random.Random(78), torch.Generator(device).manual_seed(78)
    from clips import video
    specs = draw_specs(n, rng)
    p = parameters(specs, device, gen)
    w = wave(p)
    z = vae.encode(mel(w)).latent_dist.mean
    y = torch.cat([voc(vae.decode(part).sample) for part in z.split(8)])
    assert y.shape == heard(w).shape and z.shape[2] == LATENTS, (y.shape, z.shape)
    error = 10 * math.log10(((y - heard(w)) ** 2).mean().item() / (heard(w) ** 2).mean().item())
    return error, {k: round(v, 3) for k, v in ears.score(video(p)[0].cpu(), y.cpu(), specs)[0].items()}


def train(o):
    """o: see train_ltx2_demo.py. Writes OUT/audio_vae and OUT/vocoder."""
    (vae, voc), rng = build(o.device), random.Random(5)
    print("audio vae parameters", sum(p.numel() for p in vae.parameters()), "vocoder", sum(p.numel() for p in voc.parameters()), flush=True)
    run, draw = objective(vae, voc, o.kl), wave
    opt, budget = optimiser([vae, voc], o.lr), Budget(o.end, o.steps)
    keep, step = Keeper(lambda: save(vae, voc, o.out, o.device, o), o.keep), 0
    while (spent := budget.spent(step)) < 1:
        with torch.no_grad():
            w = draw(parameters(draw_specs(o.batch, rng), o.device))
        loss, d, e, kl = run(w, torch.randn(o.batch, LATENT, LATENTS, BINS, device=o.device))
        loss.backward()
        opt.step(spent, step)
        step += 1
        if step % o.every == 0:
            level = (heard(w) ** 2).mean().item()
            print(f"sound step {step} {budget.seconds():.0f}s loss {finite(loss.item()):.4f} mel error {d.item():.3f} wave error {10*math.log10(e.item()/level):.1f} dB kl {kl.item():.2f}", flush=True)
            keep()
    save(vae, voc, o.out, o.device, o)
    print("sound steps", step, "error %.1f dB, judged %s" % measure(o.out, o.device, o.n), flush=True)
