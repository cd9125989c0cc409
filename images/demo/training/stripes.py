"""Striped shapes: level bands through which the background shows, moving with the shape; their prompts; and who tells them."""
import math

import torch

from shapes import BACKGROUNDS, caption, paint, path

PERIOD = .17                                        # of the bands, in halves of the picture


def striped(s):
    """The spec, said to be striped."""
    return {**s, "color": "striped " + s["color"]}


def words(s, rng, yes):
    return caption(striped(s) if yes else s, rng)


def render(p, frames, side):
    """paint() with bands, [B, 3, T, H, W]."""
    whole = paint(p, frames, side)[0]
    device = whole.device
    cy = path(p, torch.linspace(0, 1, frames, device=device)[None])[1]
    y = torch.linspace(-1, 1, side, device=device)
    band = (.5 - 3 * torch.cos(2 * math.pi / PERIOD * (y[None, None] - cy[..., None]))).clamp(0, 1)[:, None, :, :, None]
    shade = 1 - .18 * (y[:, None] + 1) / 2
    back = (p["bg"][:, :, None, None, None] * shade).clamp(0, 1) * 2 - 1
    return back + (whole - back) * band


def is_striped(video, bg):
    """video [3, T, H, W] in [-1, 1]: in most frames, columns through the shape change between it and the background more than
    1.35 times as often as rows do."""
    v = (video.float() + 1) / 2
    back = torch.tensor(BACKGROUNDS[bg], device=v.device)[:, None, None, None]
    shade = 1 - .18 * torch.linspace(0, 1, v.shape[2], device=v.device)[None, None, :, None]
    w = ((v - back * shade).abs().sum(0) > .35).float()
    down, across = w.diff(dim=1).abs().sum((1, 2)) / (w.amax(1).sum(1) + 1e-6), w.diff(dim=2).abs().sum((1, 2)) / (w.amax(2).sum(1) + 1e-6)
    return bool(((down / (across + 1e-6)) > 1.35).float().mean() > .5)
