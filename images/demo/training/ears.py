"""Does a clip show *and sound like* its prompt? judge.py's eyes, and: dominant pitch, silence, clicks at the touches, loudness."""
import math

import torch

import judge as eyes
from clips import BEEP, CLICK, FPS, HUM, PITCHES, RATE, pitch
from shapes import BACKGROUNDS

KEYS = ("color", "motion", "background", "pitch", "silence", "onset", "loudness")
ALL = sorted({*PITCHES.values(), BEEP, HUM})
QUIET, LOUD = .01, .02                              # root mean square of a silent clip at most, of a sounding one at least
NEAR = .13                                          # seconds between a touch that is seen and its click: two frames
STEP = RATE // 100


def loudness(w, step=STEP):
    """Root mean square per 10 ms."""
    n = len(w) // step
    return (w[:n * step].view(n, step) ** 2).mean(1).sqrt()


def dominant(w, size=4096):
    """The strongest frequency below 2 kHz, in Hz, from the mean spectrum of half-overlapping windows."""
    window = torch.hann_window(size, device=w.device)
    spectrum = torch.stack([torch.fft.rfft(w[i:i + size] * window).abs() ** 2 for i in range(0, len(w) - size + 1, size // 2)]).mean(0)
    lo, hi = int(60 * size / RATE), int(2000 * size / RATE)
    return (lo + int(spectrum[lo:hi].argmax())) * RATE / size


def nearest_pitch(hz):
    return min(ALL, key=lambda p: abs(math.log(p / max(hz, 1.))))


def clicks(w, size=512):
    """Times of sharp sounds around CLICK, in seconds: peaks of the band's energy per 10 ms that stand out."""
    window = torch.hann_window(size, device=w.device)
    n = (len(w) - size) // STEP
    frames = w[:(n - 1) * STEP + size].unfold(0, size, STEP) * window
    lo, hi = int((CLICK - 700) * size / RATE), int((CLICK + 700) * size / RATE)
    e = torch.fft.rfft(frames).abs()[:, lo:hi].pow(2).sum(1).sqrt().tolist()
    found = []
    for i, v in enumerate(e):
        near = sorted(e[max(0, i - 8):i + 9])
        if v > 1 and v == near[-1] and v > 3 * near[len(near) // 4]:
            found.append((i * STEP + size / 2) / RATE)
    return found


def touches(cy, top):
    """When a bouncing shape is lowest, in seconds: where its height's track peaks, away from the ends."""
    found = []
    for i in range(1, len(cy) - 1):
        if cy[i] >= cy[i - 1] and cy[i] > cy[i + 1] and cy[i] > top - .25:
            found.append(i / FPS)
    return found


def track(video, bg):
    """Centre height per frame of what is unlike the background; None where it is not there."""
    v = (video.float() + 1) / 2
    back = torch.tensor(BACKGROUNDS[bg], device=v.device)[:, None, None, None]
    shade = 1 - .18 * torch.linspace(0, 1, v.shape[2], device=v.device)[None, None, :, None]
    w = ((v - back * shade).abs().sum(0) > .35).float()
    area = w.sum((1, 2))
    if area.min() < 8:
        return None
    return ((w * torch.linspace(-1, 1, v.shape[2], device=v.device)[:, None]).sum((1, 2)) / area).tolist()


def onsets_right(video, w, spec):
    """Every touch that is seen is heard within NEAR and every click is seen; nothing clicks that doesn't bounce."""
    heard = clicks(w)
    if spec["motion"] != "bouncing" or spec["sound"] == "silent":
        return not heard
    cy = track(video, spec["bg"])
    if cy is None:
        return False
    seen = touches(cy, max(cy))
    end = len(cy) / FPS
    far = lambda t, others: all(abs(t - o) > NEAR for o in others)
    missed = [t for t in seen if far(t, heard) and .1 < t < end - .15]
    early = [0.] if cy[0] > max(cy) - .25 else []
    late = [end] if cy[-1] > max(cy) - .25 else []
    false = [t for t in heard if far(t, seen + early + late)]
    return bool(heard) and not missed and not false


def judge(video, sound, spec):
    """video [3, T, H, W] in [-1, 1]; sound [2, samples] in [-1, 1]. Keys that do not apply are None."""
    got = eyes.judge(video, spec, least=8)
    w = sound.float().mean(0)
    level, want = loudness(w), pitch(spec)
    got["silence"] = bool(level.mean() < QUIET) if want == 0 else bool(level.mean() > LOUD)
    got["pitch"] = nearest_pitch(dominant(w)) == want and got["silence"] if want else None
    got["onset"] = onsets_right(video, w, spec)
    got["loudness"] = None
    if want and spec["motion"] in ("growing", "shrinking"):
        quarter = len(level) // 4
        ratio = (level[-quarter:].mean() / level[:quarter].mean().clamp_min(1e-4)).item()
        got["loudness"] = ratio > 1.6 if spec["motion"] == "growing" else ratio < 1 / 1.6
    return got


def score(videos, sounds, specs):
    """Share of clips that are right per key, among those to which it applies, and the verdicts. "bounce": onset of bouncing ones."""
    got = [judge(v, w, s) for v, w, s in zip(videos, sounds, specs)]
    share = lambda l: sum(l) / len(l) if l else float("nan")
    made = {k: share([g[k] for g in got if g[k] is not None]) for k in KEYS}
    made["bounce"] = share([g["onset"] for g, s in zip(got, specs) if s["motion"] == "bouncing" and s["sound"] != "silent"])
    made["hush"] = share([g["silence"] for g, s in zip(got, specs) if s["sound"] == "silent"])
    return made, got
