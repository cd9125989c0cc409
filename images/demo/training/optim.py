"""Muon for matrices and convolution kernels, AdamW for the rest; cosine rates; a moving average of the weights. What changes from step
to step (rate, weight of the average) lies on the device: a step can be recorded once as a CUDA graph and played again."""
import math

import torch

NS = (3.4445, -4.7750, 2.0315)                     # Newton-Schulz quintic, Jordan et al. 2024


def orthogonal(g, steps=5):
    """The nearest semi-orthogonal matrices to g [n, rows, cols], roughly (singular values in 0.7 to 1.2)."""
    x = g.bfloat16() if g.is_cuda else g.float()
    flip = x.size(1) > x.size(2)
    x = x.mT if flip else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        a = x @ x.mT
        x = NS[0] * x + (NS[1] * a + NS[2] * a @ a) @ x
    return (x.mT if flip else x).float()


class Muon:
    """Same-shaped matrices are orthogonalised together. The step's root mean square is 0.2 of the rate, as with AdamW."""

    def __init__(self, params, momentum=.95, weight_decay=.01):
        self.groups, self.momentum, self.decay = {}, momentum, weight_decay
        for p in params:
            self.groups.setdefault((p.shape[0], p[0].numel()), []).append(p)
        self.state = {k: torch.zeros(len(v), *k, device=v[0].device) for k, v in self.groups.items()}

    @torch.no_grad()
    def step(self, lr):
        """lr: a tensor on the device."""
        for shape, params in self.groups.items():
            g, buf = torch.stack([p.grad.reshape(shape) for p in params]), self.state[shape]
            buf.lerp_(g, 1 - self.momentum)
            step = orthogonal(g.lerp(buf, self.momentum)) * (.2 * math.sqrt(max(shape)) * lr)
            torch._foreach_mul_(params, 1 - lr * self.decay)
            torch._foreach_sub_(params, [s.view_as(p) for s, p in zip(step.unbind(0), params)])


class Optimiser:
    """matrices: parameters for Muon (may be empty); rest: for AdamW."""

    def __init__(self, matrices, rest, lr, rest_lr, betas=(.9, .98), clip=1.0):
        self.all, self.lr, self.rest_lr, self.clip = list(matrices) + list(rest), lr, rest_lr, clip
        self.muon = Muon(matrices) if matrices else None
        on_gpu = rest[0].is_cuda
        self.rate = torch.zeros((), device=rest[0].device)
        self.adam = torch.optim.AdamW(rest, lr=rest_lr, betas=betas, weight_decay=.01, fused=on_gpu, capturable=on_gpu)
        for g in self.adam.param_groups if on_gpu else ():
            g["lr"] = torch.zeros((), device=rest[0].device)

    def step(self, done, n):
        """done: share of the budget spent, 0 to 1; n: steps so far."""
        self.set(done, n)
        self.apply()

    def set(self, done, n):
        """The rate of the next step: a warm-up of 100 steps, then half a cosine to nothing. Waits for nothing."""
        self.rate.fill_(min(1, (n + 1) / 100) * (.5 + .5 * math.cos(math.pi * min(done, 1))) + 1e-3)

    def apply(self):
        """The step itself, on the device alone."""
        for g in self.adam.param_groups:
            if self.rate.is_cuda:
                torch.mul(self.rate, self.rest_lr, out=g["lr"])
            else:
                g["lr"] = self.rest_lr * float(self.rate)
        torch.nn.utils.clip_grad_norm_(self.all, self.clip)
        if self.muon:
            self.muon.step(self.lr * self.rate)
        self.adam.step()
        for p in self.all:
            p.grad = None


class Average:
    """Exponential moving average of parameters; swap() exchanges it with them, and back."""

    def __init__(self, params, decay=.9995):
        self.decay = decay
        self.follow(params)

    def follow(self, params):
        """Begin anew with these."""
        self.params = list(params)
        self.mean = [p.detach().clone() for p in self.params]
        self.n = torch.zeros((), device=self.mean[0].device)

    @torch.no_grad()
    def update(self):
        self.n += 1
        d = ((self.n + 1) / (self.n + 10)).clamp(max=self.decay)
        torch._foreach_mul_(self.mean, d)
        torch._foreach_add_(self.mean, torch._foreach_mul([p.detach() for p in self.params], 1 - d))

    @torch.no_grad()
    def swap(self):
        for p, m in zip(self.params, self.mean):
            kept = p.detach().clone()
            p.copy_(m)
            m.copy_(kept)
