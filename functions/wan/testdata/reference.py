#!/usr/bin/env python3
"""Makes image_to_video.safetensors: a tiny image-to-video checkpoint, an image, and what diffusers' WanImageToVideoPipeline
makes of them: pixels and hidden state of the image encoder, the condition's channels, the latents after all steps.

    python reference.py     # needs torch, transformers, diffusers, safetensors, Pillow; made with diffusers 0.42.1
"""
import json
import numpy as np, torch
from PIL import Image
from safetensors.torch import save_file
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanImageToVideoPipeline, WanTransformer3DModel
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

torch.set_grad_enabled(False)


def jitter(m, seed):
    g = torch.Generator().manual_seed(seed)
    for n, p in m.named_parameters():
        p.add_(torch.randn(p.shape, generator=g) * (.05 if p.ndim <= 1 or "table" in n or "gamma" in n else .3 / max(1, p[0].numel()) ** .5))
    return m.eval()


tc = dict(patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=36, out_channels=16, text_dim=16, freq_dim=256, ffn_dim=32,
          num_layers=2, cross_attn_norm=True, qk_norm="rms_norm_across_heads", eps=1e-6, rope_max_seq_len=32, image_dim=24, added_kv_proj_dim=24)
vc = dict(base_dim=4, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=1, temperal_downsample=[False, True, True])
ic = dict(hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=2, image_size=8, patch_size=2, projection_dim=8, hidden_act="gelu")
pc = dict(size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8})
sc = dict(prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=3.0)
torch.manual_seed(0)
t, v = jitter(WanTransformer3DModel(**tc), 1), jitter(AutoencoderKLWan(**vc), 2)
e, p = jitter(CLIPVisionModelWithProjection(CLIPVisionConfig(**ic)), 3), CLIPImageProcessor(**pc)
pipe = WanImageToVideoPipeline(tokenizer=None, text_encoder=None, vae=v, scheduler=UniPCMultistepScheduler(**sc), image_processor=p, image_encoder=e, transformer=t)
pipe.set_progress_bar_config(disable=True)
W, H, N, STEPS, GUIDANCE = 48, 32, 9, 3, 5.0
y, x = np.mgrid[:H, :W]
img = Image.fromarray(np.stack([x * 5, y * 7, (x * y) % 256], -1).astype(np.uint8))
r = lambda *s, seed: torch.randn(*s, generator=torch.Generator().manual_seed(seed))
lat, c, u = r(1, 16, 3, H // 8, W // 8, seed=4), r(1, 512, 16, seed=5), r(1, 512, 16, seed=6)
_, cond = pipe.prepare_latents(pipe.video_processor.preprocess(img, height=H, width=W), 1, 16, H, W, N, torch.float32, torch.device("cpu"), None, lat)
out = pipe(image=img, prompt_embeds=c, negative_prompt_embeds=u, height=H, width=W, num_frames=N, num_inference_steps=STEPS, guidance_scale=GUIDANCE,
           latents=lat, output_type="latent").frames
pixels = p(images=img, return_tensors="pt").pixel_values
tensors = {"in.image": torch.from_numpy(np.asarray(img).copy()).float(), "in.latents": lat, "in.prompt_embeds": c, "in.negative_prompt_embeds": u,
           "out.pixels": pixels, "out.hidden": e(pixels, output_hidden_states=True).hidden_states[-2], "out.condition": cond, "out.latents": out}
for name, m in dict(transformer=t, vae=v, image_encoder=e).items():
    tensors |= {f"w.{name}.{k}": w for k, w in m.state_dict().items() if "position_ids" not in k}
config = dict(transformer=tc, vae=vc, image_encoder=ic, image_processor=dict(pc, image_mean=p.image_mean, image_std=p.image_std),
              scheduler=dict(sc, _class_name="UniPCMultistepScheduler"), steps=STEPS, guidance_scale=GUIDANCE, num_frames=N)
save_file({k: w.detach().clone().contiguous() for k, w in tensors.items()}, "image_to_video.safetensors", metadata={"config": json.dumps(config)})
