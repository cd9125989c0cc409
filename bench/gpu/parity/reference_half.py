#!/usr/bin/env python3
"""How far the reference implementation in 16 bits is from itself in float32, on the golden files of whole Wan pipelines: diffusers, on the
CPU, its transformer in BF16 but for the modules that it keeps in float32, latents in float32, the VAE in float32 and in BF16.

    OMP_NUM_THREADS=1 python reference_half.py functions/inference/golden/testdata

Then where it comes from: the same in float32, with one rounding after the other added, to BF16 and to FP16. Errors are of the largest value, the worst
step's; 0 for velocities that a file does not have. Needs torch, diffusers and safetensors."""
import json
import logging
import sys

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel
from safetensors import safe_open

logging.disable(logging.WARNING)
FILES = "wan_pipeline", "wan22_pipeline_a14b", "wan22_pipeline_ti2v", "wan22_pipeline_ti2v_image"
KEPT = "time_embedder", "scale_shift_table", "norm1", "norm2", "norm3"        # in float32, as WanTransformer3DModel asks for
ROUNDINGS = "weights", "inputs of products", "their outputs", "residual stream", "norms", "last product"


def as_published(model):
    model.to(torch.bfloat16)
    for name, p in model.named_parameters():
        if set(KEPT) & set(name.split(".")):
            p.data = p.data.float()
    return model


def rounded(model, what, to):
    """model in float32 that rounds to a type of 16 bits where what says."""
    near = lambda x: x.to(to).float() if torch.is_tensor(x) and x.is_floating_point() else x
    after = lambda m: m.register_forward_hook(lambda _, args, out: near(out))
    for name, p in model.named_parameters():
        if "weights" in what and p.ndim > 1 and not {"time_embedder", "scale_shift_table"} & set(name.split(".")):
            p.data = near(p.data)
    for name, m in model.named_modules():
        kind, product = type(m).__name__, isinstance(m, (torch.nn.Linear, torch.nn.Conv3d)) and "time_embedder" not in name
        if product and "inputs of products" in what:
            m.register_forward_pre_hook(lambda _, args: tuple(near(a) for a in args))
        if (product and name != "proj_out" and "their outputs" in what or name == "proj_out" and "last product" in what
                or (kind == "WanTransformerBlock" or isinstance(m, torch.nn.Conv3d)) and "residual stream" in what
                or kind in ("FP32LayerNorm", "RMSNorm") and "norms" in what):
            after(m)
    return model


@torch.no_grad()
def pipeline(path, dress, dtype, vae_dtype):
    f = safe_open(path, "pt")
    c, t, names = json.loads(f.metadata()["config"]), f.get_tensor, list(f.keys())
    under = lambda prefix: {k[len(prefix):]: t(k) for k in names if k.startswith(prefix)}

    def net(component):
        m = WanTransformer3DModel(**c[component])
        m.load_state_dict(under(f"w.{component}."), strict=False)
        return dress(m).eval()
    first, second = net("transformer"), net("transformer_2") if "transformer_2" in c else None
    vae = AutoencoderKLWan(**c["vae"]).eval()
    vae.load_state_dict(under("w.vae."))
    mean, std = (torch.tensor(v).view(1, -1, 1, 1, 1) for v in (vae.config.latents_mean, vae.config.latents_std))
    s = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=c["flow_shift"])
    s.set_timesteps(c["steps"])
    x, mask, still = t("in.latents"), torch.ones_like(t("in.latents")[:, :1]), 0
    if "in.image" in names:
        still, mask[:, :, 0] = (vae.encode(t("in.image").unsqueeze(2)).latent_dist.mode() - mean) / std, 0
    after, given = [], []
    for time in s.timesteps:
        low = second is not None and time < c["boundary_ratio"] * 1000
        at = (mask[0, 0][:, ::2, ::2] * time).flatten()[None] if c.get("expand_timesteps") else time.expand(1)
        run = lambda text: (second if low else first)(((1 - mask) * still + mask * x).to(dtype), at, t(text).to(dtype), return_dict=False)[0]
        plain, told = run("in.negative_prompt_embeds"), run("in.prompt_embeds")
        v = plain + c["guidance_scale_2" if low else "guidance_scale"] * (told - plain)
        x = s.step(v, time, x, return_dict=False)[0]
        after, given = after + [x], given + [v]
    z = ((1 - mask) * still + mask * x) * std + mean
    off = lambda a, b: ((a.float() - b).abs().max() / b.abs().max()).item()
    steps = lambda got, name: max(map(off, got, t(name))) if name in names else 0.
    return dict(latents=steps(after, "out.latents_per_step"), velocity=steps(given, "out.velocity_per_step"),
                video=off(vae.to(vae_dtype).decode(z.to(vae_dtype)).sample.clamp(-1, 1), t("out.video")))


def main():
    torch.set_num_threads(1)
    single, half = torch.float32, torch.bfloat16
    runs = [("BF16, its VAE float32", as_published, half, single), ("BF16, its VAE too", as_published, half, half)]
    for i in range(len(ROUNDINGS)):
        for name, to in ("BF16", half), ("FP16", torch.float16):
            runs.append((f"rounded to {name}: " + ", ".join(ROUNDINGS[:i + 1]), lambda m, what=ROUNDINGS[:i + 1], to=to: rounded(m, what, to), single, single))
    for name in FILES:
        for how, dress, dtype, vae_dtype in runs:
            figures = pipeline(f"{sys.argv[1]}/{name}.safetensors", dress, dtype, vae_dtype)
            print(f"{name:26} {how}:", {k: round(v, 4) for k, v in figures.items()}, flush=True)


if __name__ == "__main__":
    main()
