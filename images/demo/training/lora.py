"""LoRA by hand: wrap the linear layers of a transformer's blocks, and the file that PEFT and diffusers read."""
import os

import torch
from safetensors.torch import load_file, save_file


class Lora(torch.nn.Module):
    """base(x) + B A x, with B zero at first. alpha is the rank, so nothing is scaled."""

    def __init__(self, base, rank):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.A = torch.nn.Parameter(torch.randn(rank, base.in_features, device=base.weight.device) * base.in_features ** -.5)
        self.B = torch.nn.Parameter(torch.zeros(base.out_features, rank, device=base.weight.device))

    def forward(self, x):
        return self.base(x) + x @ self.A.mT @ self.B.mT


def wrap(dit, rank):
    """Wrap every linear layer of dit.blocks; all else is frozen. Gives the layers by name."""
    dit.requires_grad_(False)
    found = {}
    for name, m in [(n, m) for n, m in dit.named_modules() if n.startswith("blocks.") and isinstance(m, torch.nn.Linear)]:
        parent, _, last = name.rpartition(".")
        found[name] = Lora(m, rank)
        setattr(dit.get_submodule(parent), last, found[name])
    return found


def parameters(layers):
    return [p for m in layers.values() for p in (m.A, m.B)]


def save(layers, path, **metadata):
    """bfloat16; metadata goes into the file's header."""
    state = {}
    for name, m in layers.items():
        state[f"transformer.{name}.lora_A.weight"] = m.A.detach().to("cpu", torch.bfloat16).contiguous()
        state[f"transformer.{name}.lora_B.weight"] = m.B.detach().to("cpu", torch.bfloat16).contiguous()
    save_file(state, path + ".new", metadata={"format": "pt", **metadata})
    os.replace(path + ".new", path)


@torch.no_grad()
def merge(dit, path, strength=1.0):
    """Add a saved LoRA to the weights of a transformer."""
    state = load_file(path)
    for name in {k.removeprefix("transformer.").rsplit(".lora_", 1)[0] for k in state}:
        a, b = (state[f"transformer.{name}.lora_{x}.weight"].float() for x in "AB")
        w = dit.get_submodule(name).weight
        w.add_((strength * (b @ a)).to(w.device, w.dtype))
    return dit
