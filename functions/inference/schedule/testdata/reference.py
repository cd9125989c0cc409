#!/usr/bin/env python3
"""Write reference.safetensors: what diffusers (0.40.0) makes of scheduler configurations that no published Wan model uses.

    pip install torch numpy safetensors diffusers==0.40.0
    python reference.py

Names and form are those of the golden file schedulers.safetensors.
"""
import json, os

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler
from safetensors.torch import save_file

SHAPE = (1, 4, 2, 3, 3)
UNIPC = dict(prediction_type="flow_prediction", use_flow_sigmas=True)
DYNAMIC = dict(use_dynamic_shifting=True)


def given(n, mu): return dict(sigmas=np.linspace(1.0, 1 / n, n), mu=mu)


CASES = {
    "unipc_one_step": (UNIPC, 1),
    "unipc_16_50": (UNIPC | dict(flow_shift=16.0), 50),
    "unipc_half": (UNIPC | dict(flow_shift=0.5), 12),
    "unipc_bh1": (UNIPC | dict(flow_shift=3.0, solver_type="bh1"), 9),
    "unipc_order1": (UNIPC | dict(flow_shift=3.0, solver_order=1), 6),
    "unipc_order3": (UNIPC | dict(flow_shift=3.0, solver_order=3), 9),
    "unipc_order3_bh1": (UNIPC | dict(flow_shift=5.0, solver_order=3, solver_type="bh1"), 20),
    "unipc_uncorrected": (UNIPC | dict(flow_shift=3.0, disable_corrector=[0, 2]), 6),
    "unipc_500": (UNIPC | dict(flow_shift=2.0, num_train_timesteps=500), 10),
    "unipc_sigma_min": (UNIPC | dict(flow_shift=3.0, final_sigmas_type="sigma_min"), 6),
    "unipc_full_order": (UNIPC | dict(flow_shift=3.0, final_sigmas_type="sigma_min", lower_order_final=False), 6),
    "unipc_dynamic": (UNIPC | DYNAMIC | dict(shift_terminal=0.1), given(8, 1.1)),
    "euler_one_step": (dict(shift=1.0), 1),
    "euler_50": (dict(shift=3.0), 50),
    "euler_250": (dict(shift=2.0, num_train_timesteps=250), 9),
    "euler_inverted": (dict(shift=3.0, invert_sigmas=True), 6),
    "euler_terminal": (dict(shift=3.0, shift_terminal=0.2), 6),
    "euler_karras": (dict(shift=3.0, use_karras_sigmas=True), 6),
    "euler_exponential": (dict(shift=3.0, use_exponential_sigmas=True), 6),
    "euler_dynamic": (DYNAMIC | dict(base_shift=0.95, max_shift=2.05), given(4, 0.7)),
    "euler_dynamic_linear": (DYNAMIC | dict(time_shift_type="linear"), given(8, 2.5)),
}


def draw(seed): return torch.randn(*SHAPE, generator=torch.Generator().manual_seed(seed))


tensors, configs = {}, {}
for name, (config, steps) in CASES.items():
    s = (UniPCMultistepScheduler if name.startswith("unipc") else FlowMatchEulerDiscreteScheduler)(**config)
    s.set_timesteps(**steps) if isinstance(steps, dict) else s.set_timesteps(steps)
    x = first = draw(11)
    outputs, samples = [], []
    for k, t in enumerate(s.timesteps):
        outputs.append(draw(100 + k) * 0.5 + x * 0.1)
        x = s.step(outputs[-1], t, x, return_dict=False)[0]
        samples.append(x)
    tensors |= {f"in.{name}.sample": first, f"in.{name}.model_outputs": torch.stack(outputs), f"out.{name}.samples": torch.stack(samples),
                f"out.{name}.sigmas": s.sigmas.float(), f"out.{name}.timesteps": s.timesteps.float()}
    configs[name] = dict(s.config) | ({"mu": steps["mu"]} if isinstance(steps, dict) else {})
save_file({k: v.clone().contiguous() for k, v in tensors.items()}, os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.safetensors"),
          metadata={"config": json.dumps(configs, default=str)})
