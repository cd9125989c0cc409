"""The transformer and the text encoder: their sizes, the cached latents, and flow-matching training."""
import json
import os
import random
import time

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel
from transformers import UMT5Config, UMT5EncoderModel

import text
import vae as autoencoder
from optim import Average, Optimiser
from shapes import FPS, FRAMES, MAX_TOKENS, SIDE, caption, draw_specs, paint, parameters

SHIFT = 3.0                                         # of the noise level, in training as in sampling
CAPTIONS = 3                                        # prompts per clip
WIDTH = 40                                          # tokens; the longest prompt has fewer
FILES = {"scheduler": ["diffusers", "UniPCMultistepScheduler"], "text_encoder": ["transformers", "UMT5EncoderModel"],
         "tokenizer": ["transformers", "T5TokenizerFast"], "transformer": ["diffusers", "WanTransformer3DModel"],
         "vae": ["diffusers", "AutoencoderKLWan"]}


def build(device, layers=6, resume=None):
    torch.manual_seed(1)
    dit = WanTransformer3DModel(patch_size=(1, 2, 2), num_attention_heads=4, attention_head_dim=64, in_channels=16, out_channels=16,
                                text_dim=256, freq_dim=256, ffn_dim=1024, num_layers=layers, cross_attn_norm=True,
                                qk_norm="rms_norm_across_heads", eps=1e-6, rope_max_seq_len=1024)
    umt5 = UMT5EncoderModel(UMT5Config(vocab_size=512, d_model=256, d_kv=64, d_ff=512, num_layers=3, num_heads=4, dropout_rate=0.0,
                                       feed_forward_proj="gated-gelu", relative_attention_num_buckets=32,
                                       relative_attention_max_distance=128, pad_token_id=0, eos_token_id=1))
    if resume:
        dit.load_state_dict(WanTransformer3DModel.from_pretrained(f"{resume}/transformer").float().state_dict())
        umt5.load_state_dict(UMT5EncoderModel.from_pretrained(f"{resume}/text_encoder").float().state_dict())
    return dit.to(device), umt5.to(device)


@torch.no_grad()
def latents(out, o, specs):
    """Normalised latents [N, 16, T/4, H/8, W/8] in half precision, as many as o.encode_share of the time allows."""
    vae = autoencoder.whole_sequence(autoencoder.channels_last(AutoencoderKLWan.from_pretrained(f"{out}/vae").to(o.device).eval()))
    mean, std = autoencoder.scaling(vae, o.device)
    t0, found, size = time.time(), [], 32 if o.device == "cuda" else 1
    with torch.autocast(o.device, torch.bfloat16, enabled=o.device == "cuda"):
        for i in range(0, len(specs) - size + 1, size):
            x = paint(parameters(specs[i:i + size], o.device), o.frames, o.side)[0]
            found.append(((autoencoder.encode(vae, x)[0] - mean) / std).half())
            if o.minutes and i % (size * 16) == 0:
                if o.device == "cuda":
                    torch.cuda.synchronize()
                if time.time() - t0 > o.minutes * 60 * o.encode_share:
                    break
    return torch.cat(found)


def optimiser(dit, umt5, lr, muon):
    matrix = lambda n, p: muon and p.ndim == 2 and ("blocks." in n or "encoder.block" in n) and "relative" not in n
    named = list(dit.named_parameters()) + [(n, p) for n, p in umt5.named_parameters()]
    return Optimiser([p for n, p in named if matrix(n, p)], [p for n, p in named if not matrix(n, p)], lr, 1e-3 if muon else lr)


def noise_levels(n, device):
    """A fifth even, the rest logit-normal, all shifted as the sampler shifts them."""
    s = torch.sigmoid(torch.randn(n, device=device))
    s = torch.where(torch.rand_like(s) < .2, torch.rand_like(s), s)
    return SHIFT * s / (1 + (SHIFT - 1) * s)


def objective(dit, umt5, amp, prompt=text.encode):
    def run(x0, noise, s, ids, mask):
        wide = s.view(-1, 1, 1, 1, 1)
        with torch.autocast(x0.device.type, torch.bfloat16, enabled=amp):
            v = dit(hidden_states=(1 - wide) * x0 + wide * noise, timestep=s * 1000,
                    encoder_hidden_states=prompt(umt5, ids, mask), return_dict=False)[0]
        return F.mse_loss(v.float(), noise - x0)
    return run


def prompts(tok, specs, o, rng):
    """CAPTIONS sets of ids and mask for the specs, and those of the empty prompt."""
    sets = [text.tokens(tok, [caption(s, rng, .06) for s in specs], o.device, WIDTH) for _ in range(CAPTIONS)]
    return torch.stack([s[0] for s in sets]), torch.stack([s[1] for s in sets]), text.tokens(tok, [""], o.device, WIDTH)


def fit(dit, umt5, lat, ids, mask, null, o, minutes, log=print):
    """Flow matching: v = noise - data. A tenth of the prompts are dropped, for guidance. Returns the averaged weights."""
    prompt = text.encode
    if o.compile:
        for block in dit.blocks:
            block.compile()
        prompt = torch.compile(prompt)
    run, opt = objective(dit, umt5, o.device == "cuda", prompt), optimiser(dit, umt5, o.lr, o.muon)
    average = Average(opt.all)
    t0, step, started, seen = time.time(), 0, time.time(), torch.zeros((), device=o.device)
    while True:
        if step == 3:
            started = time.time()
        spent = (time.time() - t0) / (minutes * 60) if minutes else step / o.steps
        if spent >= 1:
            break
        i = torch.randint(len(lat), (o.batch,), device=o.device)
        which = torch.randint(len(ids), (o.batch,), device=o.device)
        drop = torch.rand(o.batch, 1, device=o.device) < .1
        x0 = lat[i].float()
        loss = run(x0, torch.randn_like(x0), noise_levels(o.batch, o.device), torch.where(drop, null[0], ids[which, i]),
                   torch.where(drop, null[1], mask[which, i]))
        loss.backward()
        opt.step(spent, step)
        average.update()
        seen += loss.detach()
        step += 1
        if step % o.every == 0:
            log(f"dit step {step} {time.time()-t0:.0f}s ({(step-3)/(time.time()-started):.1f}/s) mean loss {seen.item()/o.every:.4f}")
            seen.zero_()
    return average


def save(dit, umt5, out):
    """The published layout: bfloat16 weights, scheduler and index."""
    dit.to(torch.bfloat16).save_pretrained(f"{out}/transformer", max_shard_size="14MB")
    umt5.to(torch.bfloat16).save_pretrained(f"{out}/text_encoder")
    UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000,
                            flow_shift=SHIFT).save_pretrained(f"{out}/scheduler")
    defaults = {"height": SIDE, "width": SIDE, "num_frames": FRAMES, "fps": FPS, "num_inference_steps": 20, "guidance_scale": 4.0,
                "max_sequence_length": MAX_TOKENS}
    json.dump({"_class_name": "WanPipeline", **FILES, "defaults": defaults}, open(f"{out}/model_index.json", "w"), indent=2)


def train(o):
    """Needs OUT/vae and OUT/tokenizer; writes the rest of the checkpoint."""
    t0, rng = time.time(), random.Random(o.seed)
    specs = draw_specs(o.clips, rng)
    lat = latents(o.out, o, specs)
    specs = specs[:len(lat)]
    tok = text.load_tokenizer(o.out)
    ids, mask, null = prompts(tok, specs, o, rng)
    print(f"latents {tuple(lat.shape)} in {time.time()-t0:.0f}s, mean {lat.float().mean():.3f} deviation {lat.float().std():.3f}, "
          f"longest prompt {int(mask.sum(2).max())} tokens", flush=True)
    dit, umt5 = build(o.device, o.layers, o.resume)
    print("dit parameters", sum(p.numel() for p in dit.parameters()), "text", sum(p.numel() for p in umt5.parameters()), flush=True)
    left = o.minutes - (time.time() - t0) / 60 if o.minutes else 0
    average = fit(dit, umt5, lat, ids, mask, null, o, left, lambda s: print(s, flush=True))
    average.swap()
    save(dit, umt5, o.out)
    print(f"dit saved after {time.time()-t0:.0f}s", flush=True)
