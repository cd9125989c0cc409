"""Does a clip show its prompt? Colour from the pixels unlike the background; motion from their centroid and area."""
import torch

from shapes import BACKGROUNDS, COLORS

KEYS = ("color", "motion", "background")


def nearest(table, rgb):
    names = list(table)
    values = torch.tensor([table[n] for n in names], device=rgb.device)
    return names[int(((values - rgb) ** 2).sum(1).argmin())]


def moved(motion, cx, cy, area):
    """cx, cy: centre per frame in [-1, 1]; area: pixels per frame."""
    dx, dy, growth = (cx[-1] - cx[0]).item(), (cy[-1] - cy[0]).item(), (area[-1] / area[0]).item()
    wide, tall = (cx.max() - cx.min()).item(), (cy.max() - cy.min()).item()
    return {"moving right": dx > .2 and abs(dy) < .2, "moving left": dx < -.2 and abs(dy) < .2,
            "moving up": dy < -.2 and abs(dx) < .2, "moving down": dy > .2 and abs(dx) < .2,
            "growing": growth > 1.8, "shrinking": growth < .55,
            "standing still": abs(dx) < .1 and abs(dy) < .1 and .8 < growth < 1.25,
            "spinning": abs(dx) < .15 and abs(dy) < .15 and .7 < growth < 1.4,
            "bouncing": tall > .3 and wide < .25, "circling": tall > .25 and wide > .25}[motion]


def judge(video, spec, least=20):
    """video [3, T, H, W] in [-1, 1]. Where the shape has fewer than `least` pixels in a frame, nothing is right."""
    v = (video.float() + 1) / 2
    back = torch.tensor(BACKGROUNDS[spec["bg"]], device=v.device)[:, None, None, None]
    shade = 1 - .18 * torch.linspace(0, 1, v.shape[2], device=v.device)[None, None, :, None]
    w = ((v - back * shade).abs().sum(0) > .35).float()                               # [T, H, W]
    area = w.sum((1, 2)) + 1e-6
    if area.min() < least:
        return dict.fromkeys(KEYS, False)
    axis = torch.linspace(-1, 1, v.shape[3], device=v.device)
    cx, cy = (w * axis).sum((1, 2)) / area, (w * axis[:, None]).sum((1, 2)) / area
    return dict(color=nearest(COLORS, (v * w).sum((1, 2, 3)) / w.sum()) == spec["color"],
                motion=bool(moved(spec["motion"], cx, cy, area)),
                background=nearest(BACKGROUNDS, v[:, :, :6, :6].mean((1, 2, 3))) == spec["bg"])


def score(videos, specs):
    """Share of clips that are right, per key."""
    got = [judge(v, s) for v, s in zip(videos, specs)]
    return {k: sum(g[k] for g in got) / len(got) for k in KEYS}, got
