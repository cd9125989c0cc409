"""Makes nested.safetensors: what bitsandbytes 0.50.2 makes, on one thread of a CPU, of the maxima of blocks.

    pip install torch==2.11.0 bitsandbytes==0.50.2 numpy safetensors && python nested.py

in.NAME is a weight's largest magnitudes, one for each block of 64; out.NAME.* their double quantization. The weight itself is
zero but for the first value of each block.
"""

import os

import bitsandbytes.functional as bnb
import numpy as np
import torch
from safetensors.torch import save_file

torch.set_num_threads(1)  # PyTorch sums in another order on several
rng = np.random.default_rng(20)


def around(size, spread):
    return (1 + spread * rng.standard_normal(size)).astype(np.float32)


cases = {f"normal_{n}": np.abs(rng.standard_normal(n)) + 2 for n in (1, 2, 7, 8, 9, 31, 33, 255, 257, 1025, 9001)}
cases |= {f"near_{n}": around(n, 1e-7) for n in (5, 40, 300, 2049)}
cases |= {f"wide_{n}": np.exp(3 * rng.standard_normal(n)) for n in (17, 700)}
cases |= {f"tiny_{n}": np.abs(rng.standard_normal(n)) * 1e-40 for n in (6, 90)}
cases |= {"equal": np.full(37, 0.3), "tiny_ends": np.array([1, 2, 3]) * 1e-44, "zero": np.zeros(9)}

tensors = {}
for name, maxima in cases.items():
    maxima = torch.from_numpy(maxima.astype(np.float32))
    weight = torch.zeros(len(maxima), 64)
    weight[:, 0] = maxima
    _, state = bnb.quantize_4bit(weight, blocksize=64, quant_type="nf4", compress_statistics=True)
    tensors["in." + name] = maxima
    tensors[f"out.{name}.codes"] = state.absmax
    tensors[f"out.{name}.absmax"] = state.state2.absmax
    tensors[f"out.{name}.offset"] = state.offset.reshape(1)

save_file(tensors, os.path.join(os.path.dirname(os.path.abspath(__file__)), "nested.safetensors"))
