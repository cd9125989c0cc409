"""The procedural clips: what a prompt may say, and how it looks. Nothing here is learned."""
import math
import random

import torch

COLORS = {"red": (.90, .10, .10), "green": (.10, .72, .20), "blue": (.15, .30, .95), "yellow": (.98, .88, .10),
          "orange": (1.0, .52, .05), "purple": (.60, .15, .80), "white": (1., 1., 1.), "pink": (1., .50, .75)}
BACKGROUNDS = {"black": (.02, .02, .03), "gray": (.42, .43, .45), "navy": (.03, .06, .25), "teal": (.0, .38, .40),
               "brown": (.32, .20, .12), "cream": (.93, .88, .74)}
SHAPES = ["circle", "square", "triangle", "star", "ring"]
MOTIONS = ["moving right", "moving left", "moving up", "moving down", "bouncing", "circling", "spinning",
           "growing", "shrinking", "standing still"]
SPEEDS = {"slowly": .5, "": .9, "quickly": 1.35}
SIZES = {"small": .17, "": .27, "big": .40}
FRAMES, SIDE, FPS, MAX_TOKENS = 33, 128, 16, 64
TEMPLATES = ["a {size} {color} {shape} {motion} {speed} on a {bg} background",
             "a {color} {shape} {motion} {speed} on a {bg} background",
             "a video of a {size} {color} {shape} {motion} {speed}, {bg} background",
             "{size} {color} {shape}, {motion} {speed}, {bg} background",
             "on a {bg} background, a {size} {color} {shape} is {motion} {speed}"]
# Seen in training only, rarely: prompts that leave something open, which is then free.
PARTIAL = ["a {color} {shape} {motion}", "{color} {shape} on a {bg} background", "a {size} {color} {shape}",
           "{size} {color} {shape} {motion} {speed}", "a {shape} {motion} on a {bg} background"]


def draw_specs(n, rng):
    """n prompts' contents, drawn evenly. rng: random.Random."""
    specs = []
    for _ in range(n):
        s = dict(color=rng.choice(list(COLORS)), shape=rng.choice(SHAPES), motion=rng.choice(MOTIONS),
                 bg=rng.choice(list(BACKGROUNDS)), size=rng.choice(list(SIZES)), speed=rng.choice(list(SPEEDS)))
        if s["motion"] in ("growing", "shrinking", "standing still"):
            s["speed"] = ""
        specs.append(s)
    return specs


def caption(s, rng, partial=0.0):
    """A prompt for a spec; with probability `partial` one that leaves something open."""
    templates = PARTIAL if rng.random() < partial else TEMPLATES
    return " ".join(rng.choice(templates).format(**s).replace(" ,", ",").split())


def parameters(specs, device, gen=None):
    """Everything a clip is drawn from, as tensors [B, 1] and [B, 3]; placement is random."""
    n = len(specs)

    def rand(lo, hi):
        return torch.rand(n, 1, device=device, generator=gen) * (hi - lo) + lo

    def table(values):
        return torch.tensor(values, device=device)

    return dict(color=table([COLORS[s["color"]] for s in specs]), bg=table([BACKGROUNDS[s["bg"]] for s in specs]),
                radius=table([[SIZES[s["size"]]] for s in specs]) * rand(.92, 1.08),
                speed=table([[SPEEDS[s["speed"]]] for s in specs]),
                shape=table([[SHAPES.index(s["shape"])] for s in specs]),
                motion=table([[MOTIONS.index(s["motion"])] for s in specs]),
                x=rand(-.35, .35), y=rand(-.35, .35), hop=rand(0, 1), phase=rand(0, 1), tilt=rand(-.15, .15))


def path(p, t):
    """Centre, angle and scale over time t [1, T], each [B, T]."""
    m, speed, radius = p["motion"], p["speed"], p["radius"]
    room = (1 - radius * 1.15).clamp_min(.05)
    cx, cy = p["x"] + 0 * t, p["y"] + 0 * t
    shift = speed * (t - .5)
    limit = lambda v: torch.maximum(torch.minimum(v, room), -room)
    cx = torch.where(m == 0, limit(cx + shift), torch.where(m == 1, limit(cx - shift), cx))
    cy = torch.where(m == 2, limit(cy - shift), torch.where(m == 3, limit(cy + shift), cy))
    hop = (torch.sin(math.pi * (speed * 2.2 * t + p["hop"]))).abs()
    cy = torch.where(m == 4, room - hop * (2 * room - .1).clamp_min(.1) * .8, cy)
    phase = 2 * math.pi * (speed * 1.1 * t + p["phase"])
    orbit = room.clamp_max(.5)
    cx = torch.where(m == 5, orbit * torch.cos(phase), cx)
    cy = torch.where(m == 5, orbit * torch.sin(phase), cy)
    angle = torch.where(m == 6, 2 * math.pi * speed * .8 * t, 0 * t) + p["tilt"]
    scale = torch.where(m == 7, .45 + 1.0 * t, torch.where(m == 8, 1.45 - 1.0 * t, 1 + 0 * t))
    return cx, cy, angle, scale


def distance(shape, u, v, R):
    """Signed distance of the shape at (u, v), negative inside, in units of half the picture."""
    dist = torch.sqrt(u * u + v * v + 1e-8)
    valley = 1 - ((torch.atan2(u, -v) / (2 * math.pi) * 5) % 1 - .5).abs() * 2       # 1 in a valley, 0 at a tip
    each = [dist - R, torch.maximum(u.abs(), v.abs()) - R * .86,
            torch.maximum(torch.maximum(v - R * .6, u * .866 - v * .5 - R * .6), -u * .866 - v * .5 - R * .6),
            dist - R * 1.1 * (1 - .55 * valley), (dist - R * .74).abs() - R * .26]
    d = each[0]
    for i in range(1, len(each)):
        d = torch.where(shape == i, each[i], d)
    return d


def paint(p, frames=FRAMES, side=SIDE):
    """Clips [B, 3, T, H, W] in [-1, 1], antialiased, and the neighbourhood of the shape [B, 1, T, H, W] in {0, 1}."""
    device = p["color"].device
    cx, cy, angle, scale = path(p, torch.linspace(0, 1, frames, device=device)[None])
    wide = lambda a: a[..., None, None]
    axis = torch.linspace(-1, 1, side, device=device)
    y, x = axis[None, None, :, None], axis[None, None, None, :]
    dx, dy, ca, sa = x - wide(cx), y - wide(cy), wide(torch.cos(angle)), wide(torch.sin(angle))
    d = distance(wide(p["shape"]), dx * ca + dy * sa, -dx * sa + dy * ca, wide(p["radius"] * scale))
    alpha = (0.5 - d * side / 2 * .8).clamp(0, 1)[:, None]
    shade = 1 - .18 * (y + 1) / 2                                                     # a soft vertical gradient
    back = p["bg"][:, :, None, None, None] * shade[:, None]
    out = back * (1 - alpha) + p["color"][:, :, None, None, None] * alpha
    near = (d < 5 * 2 / side).to(out.dtype)[:, None]
    return out.clamp(0, 1) * 2 - 1, near


def render(specs, device, frames=FRAMES, side=SIDE, gen=None):
    return paint(parameters(specs, device, gen), frames, side)[0]
