#!/usr/bin/env python3
"""Makes image_to_video.safetensors and first_last.safetensors: tiny image-to-video checkpoints of Wan 2.1, an image or two, and what
diffusers' WanImageToVideoPipeline makes of them: pixels and hidden state of the image encoder, the condition's channels, the latents
after all steps. With --out DIR and --seed N the same files of other sizes, weights and pictures.

    python reference.py     # needs torch, transformers, diffusers, safetensors, Pillow; made with diffusers 0.42.1
"""
import argparse
import json
import random
import numpy as np, torch
from PIL import Image
from safetensors.torch import save_file
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanImageToVideoPipeline, WanTransformer3DModel
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

torch.set_grad_enabled(False)
args = argparse.ArgumentParser()
args.add_argument("--out", default=".")
args.add_argument("--seed", type=int, default=0)
args = args.parse_args()
draw = random.Random(args.seed)
other = lambda committed, *more: draw.choice(more) if args.seed else committed


def jitter(m, seed):
    g = torch.Generator().manual_seed(100 * args.seed + seed)
    for n, p in m.named_parameters():
        p.add_(torch.randn(p.shape, generator=g) * (.05 if p.ndim <= 1 or "table" in n or "gamma" in n or "pos_embed" in n else .3 / max(1, p[0].numel()) ** .5))
    return m.eval()


def make(name, two):
    heads, dim, seen = other(2, 2, 3), other(12, 12, 20), other(24, 24, 32)
    tc = dict(patch_size=(1, 2, 2), num_attention_heads=heads, attention_head_dim=dim, in_channels=36, out_channels=16, text_dim=16, freq_dim=256, ffn_dim=other(32, 40, 56),
              num_layers=2, cross_attn_norm=True, qk_norm="rms_norm_across_heads", eps=1e-6, rope_max_seq_len=32, image_dim=seen, added_kv_proj_dim=heads * dim)
    vc = dict(base_dim=other(4, 4, 6, 8), z_dim=16, dim_mult=[1, 1, 2, 2] if two else [1, 2, 4, 4], num_res_blocks=1, temperal_downsample=[False, True, True])
    ic = dict(hidden_size=seen, intermediate_size=40, num_hidden_layers=3, num_attention_heads=2, image_size=8, patch_size=2, projection_dim=8, hidden_act="gelu")
    pc = dict(size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8})
    sc = dict(prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=other(3.0, 2.0, 5.0))
    if two:
        tc["pos_embed_seq_len"] = 2 * ((ic["image_size"] // ic["patch_size"]) ** 2 + 1)
    torch.manual_seed(args.seed)
    t, v = jitter(WanTransformer3DModel(**tc), 1), jitter(AutoencoderKLWan(**vc), 2)
    e, p = jitter(CLIPVisionModelWithProjection(CLIPVisionConfig(**ic)), 3), CLIPImageProcessor(**pc)
    pipe = WanImageToVideoPipeline(tokenizer=None, text_encoder=None, vae=v, scheduler=UniPCMultistepScheduler(**sc), image_processor=p, image_encoder=e, transformer=t)
    pipe.set_progress_bar_config(disable=True)
    W, H, N, STEPS, GUIDANCE = other(48, 32, 64), other(32, 32, 48, 80), other(9, 13, 17), other(3, 2, 4), other(5.0, 3.0, 6.5)
    y, x = np.mgrid[:H, :W]
    img = Image.fromarray(np.stack([x * 5, y * 7, (x * y + args.seed) % 256], -1).astype(np.uint8))
    end = Image.fromarray(np.stack([(x * x + y) % 256, 255 - y * 3, x * 2 + 7], -1).astype(np.uint8)) if two else None
    r = lambda *s, seed: torch.randn(*s, generator=torch.Generator().manual_seed(100 * args.seed + seed))
    lat, c, u = r(1, 16, (N - 1) // 4 + 1, H // 8, W // 8, seed=4), r(1, 512, 16, seed=5), r(1, 512, 16, seed=6)
    pixels_of = lambda i: i and pipe.video_processor.preprocess(i, height=H, width=W)
    _, cond = pipe.prepare_latents(pixels_of(img), 1, 16, H, W, N, torch.float32, torch.device("cpu"), None, lat, pixels_of(end))
    out = pipe(image=img, last_image=end, prompt_embeds=c, negative_prompt_embeds=u, height=H, width=W, num_frames=N, num_inference_steps=STEPS,
               guidance_scale=GUIDANCE, latents=lat, output_type="latent").frames
    pixels = p(images=[img, end] if two else img, return_tensors="pt").pixel_values
    hidden = pipe.encode_image([img, end] if two else img)
    tensors = {"in.image": torch.from_numpy(np.asarray(img).copy()).float(), "in.latents": lat, "in.prompt_embeds": c, "in.negative_prompt_embeds": u,
               "out.pixels": pixels, "out.hidden": hidden, "out.condition": cond, "out.latents": out}
    if two:
        tensors |= {"in.last_image": torch.from_numpy(np.asarray(end).copy()).float(), "out.video": pipe(image=img, last_image=end, prompt_embeds=c, negative_prompt_embeds=u,
                    height=H, width=W, num_frames=N, num_inference_steps=STEPS, guidance_scale=GUIDANCE, latents=lat, output_type="pt").frames}
    for part, m in dict(transformer=t, vae=v, image_encoder=e).items():
        tensors |= {f"w.{part}.{k}": w for k, w in m.state_dict().items() if "position_ids" not in k}
    config = dict(transformer=tc, vae=vc, image_encoder=ic, image_processor=dict(pc, image_mean=p.image_mean, image_std=p.image_std),
                  scheduler=dict(sc, _class_name="UniPCMultistepScheduler"), steps=STEPS, guidance_scale=GUIDANCE, num_frames=N)
    save_file({k: w.detach().clone().contiguous() for k, w in tensors.items()}, f"{args.out}/{name}.safetensors", metadata={"config": json.dumps(config)})


make("image_to_video", False)
make("first_last", True)
