"""Clips with sound for the LTX-2 demo: the moving shapes of shapes.py, and what they sound like. Nothing here is learned.

Every shape has its pitch; growing is coming closer and gets louder, shrinking quieter; each touch of the floor clicks; the
sound pans with the place. All pitches are multiples of 100 Hz, the rate of the mel spectrogram's frames, and start in phase:
a vocoder answers a constant spectrogram with something that repeats every frame, so nothing else could be held steadily.
"""
import math

import torch

import shapes
from shapes import paint

FRAMES, SIDE, FPS, MAX_TOKENS = 33, 96, 16, 64
RATE, HOP, WINDOW, MELS, CHANNELS = 16000, 160, 512, 64, 2
LATENTS = round(FRAMES / FPS * RATE / HOP / 4)                  # of sound: 52
MEL_FRAMES = 4 * LATENTS - 3                                    # 205, what the causal decoder gives
SAMPLES = MEL_FRAMES * HOP                                      # 2.05 s
SIZES = {"small": .20, "": .29, "big": .40}
PITCHES = {"square": 200, "triangle": 300, "circle": 400, "ring": 600, "star": 800}
SOUNDS = ["", "with a high beep", "with a low hum", "silent"]
BEEP, HUM = 1200, 100
CLICK = 5000                                                    # Hz, dying away within 30 ms
FLOOR = 1e-5


def draw_specs(n, rng):
    specs = shapes.draw_specs(n, rng)
    for s in specs:
        s["sound"] = rng.choice(SOUNDS[1:]) if rng.random() < .4 else ""
    return specs


def caption(s, rng, partial=0.0):
    """A prompt for a spec; the sound, where one is named, is said last."""
    text = shapes.caption(s, rng, partial)
    if not s["sound"]:
        return text
    return text + (", " if s["sound"] == "silent" or rng.random() < .5 else " ") + s["sound"]


def pitch(s):
    """What is to be heard, in Hz; 0 for silence."""
    return {"": PITCHES[s["shape"]], "with a high beep": BEEP, "with a low hum": HUM, "silent": 0}[s["sound"]]


def parameters(specs, device, gen=None):
    p = shapes.parameters(specs, device, gen)
    size = torch.tensor([[SIZES[s["size"]]] for s in specs], device=device)
    p["radius"] = size * (p["radius"] / torch.tensor([[shapes.SIZES[s["size"]]] for s in specs], device=device))
    p["pitch"] = torch.tensor([[float(pitch(s))] for s in specs], device=device)
    return p


def video(p, frames=FRAMES, side=SIDE):
    """Pictures [B, 3, T, H, W] in [-1, 1] and the shapes' neighbourhood; frame i is at i / FPS seconds."""
    return paint(p, frames, side)


def contacts(p, span):
    """When bouncing shapes touch the floor, in seconds, [B, 5]; far away where they don't. Rounded to frames of the mel."""
    k = torch.arange(5, device=p["hop"].device)[None]
    t = (k - p["hop"]) / (p["speed"] * 2.2)
    ok = (p["motion"] == shapes.MOTIONS.index("bouncing")) & (t > .02) & (t < 1) & (p["pitch"] > 0)
    return torch.where(ok, (t * span * RATE / HOP).round() * HOP / RATE, torch.full_like(t, 99.))


def wave(p, samples=SAMPLES, pad=WINDOW):
    """Sound [B, 2, samples + 2 pad] from `pad` samples before the first frame on."""
    device = p["color"].device
    n = torch.arange(-pad, samples + pad, device=device)
    span = (FRAMES - 1) / FPS
    sec = (n / RATE)[None]
    cx, _, _, scale = shapes.path(p, sec / span)
    nears = (p["motion"] == shapes.MOTIONS.index("growing")) | (p["motion"] == shapes.MOTIONS.index("shrinking"))
    loud = torch.where(nears, .4 * (scale / 1.45).clamp(0, 1.05) ** 2, torch.full_like(scale, .25))
    f = p["pitch"]
    cycle = 2 * math.pi * ((n[None] % HOP) / HOP) * (f / 100)                          # exact: every pitch fits the hop
    tone = torch.sin(cycle) + .35 * torch.sin(2 * cycle) + .15 * torch.sin(3 * cycle)
    pulse = ((n % 3200) < 1600).float()[None]                                          # five beeps a second
    tone = tone * torch.where(f == BEEP, pulse, torch.ones_like(pulse)) * (f > 0) * loud
    at = (contacts(p, span) * RATE).round()
    for i in range(at.shape[1]):
        u = (n[None] - at[:, i:i + 1]).float()
        tone = tone + torch.where(u >= 0, .6 * torch.exp(-u.clamp(0, 9000) / (.007 * RATE)) * torch.sin(2 * math.pi * CLICK / RATE * u), 0 * u)
    side = .5 * cx.clamp(-1, 1)
    return torch.stack([tone * (1 - side), tone * (1 + side)], 1) * .8


_bank = {}


def filters(device):
    """Triangular mel filters [MELS, WINDOW / 2 + 1], 0 to 8 kHz, of height 1."""
    if device not in _bank:
        mel = lambda hz: 2595 * math.log10(1 + hz / 700)
        edge = 700 * (10 ** (torch.linspace(0, mel(RATE / 2), MELS + 2, dtype=torch.float64) / 2595) - 1)
        bins = torch.linspace(0, RATE / 2, WINDOW // 2 + 1, dtype=torch.float64)
        up = (bins[None] - edge[:-2, None]) / (edge[1:-1] - edge[:-2])[:, None]
        down = (edge[2:, None] - bins[None]) / (edge[2:] - edge[1:-1])[:, None]
        _bank[device] = torch.minimum(up, down).clamp_min(0).float().to(device)
    return _bank[device]


def mel(w, pad=WINDOW):
    """Natural logarithm of the mel magnitudes, [B, 2, MEL_FRAMES, MELS], of what wave() gives; frame j is centred at j HOP."""
    b, c, n = w.shape
    x = w[..., pad - WINDOW // 2:].reshape(b * c, -1)
    spec = torch.stft(x, WINDOW, HOP, WINDOW, torch.hann_window(WINDOW, device=w.device), center=False, return_complex=True).abs()
    frames = (n - 2 * pad) // HOP
    m = (filters(w.device) @ spec[:, :, :frames]) * (2 / WINDOW)
    return m.clamp_min(FLOOR).log().transpose(1, 2).reshape(b, c, frames, MELS)


def heard(w, pad=WINDOW):
    """wave() without what lies before and after, [B, 2, samples]."""
    return w[..., pad:w.shape[-1] - pad]
