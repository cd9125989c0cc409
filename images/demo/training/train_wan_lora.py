#!/usr/bin/env python3
"""Train two LoRAs on the Wan demo, in the layout of PEFT and diffusers.

    python train_wan_lora.py striped --base ../wan21-tiny --minutes 4 --out DIR       # "a striped red circle …"; rank 16
    python train_wan_lora.py few --base ../wan21-tiny --minutes 14 --out DIR          # four steps, guidance folded in; rank 64
    python train_wan_lora.py eval --base ../wan21-tiny --out DIR --n 192              # both, beside the base

The few steps are 1000, 750, 500, 250 before a shift of 5 (noise levels 1, 0.9375, 0.8333, 0.625), Euler, without guidance.

Needs one CUDA GPU, torch, transformers, diffusers, tokenizers, safetensors and Pillow.
With --device cpu --steps 2 --batch 2 --frames 9 --side 32 it runs anywhere, as a test of itself.
"""
import argparse
import os
import time

import torch

BATCH, RANK, RATE = dict(striped=128, few=224, eval=0), dict(striped=16, few=64, eval=0), dict(striped=1e-3, few=1e-3, eval=0)


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("what", choices=list(BATCH))
    ap.add_argument("--base", required=True, help="the checkpoint, wan21-tiny")
    ap.add_argument("--out", required=True)
    ap.add_argument("--minutes", type=float, default=0, help="time to train, compilation included; else --steps")
    ap.add_argument("--end", type=float, default=0, help="or the moment to end at, in seconds since 1970")
    ap.add_argument("--steps", type=int, default=100)
    ap.add_argument("--batch", type=int)
    ap.add_argument("--rank", type=int)
    ap.add_argument("--lr", type=float)
    ap.add_argument("--compile", type=int, default=1)
    ap.add_argument("--clips", type=int, default=12000, help="striped: most clips of each kind to encode")
    ap.add_argument("--pool", type=int, default=256, help="few: paths that are made at once")
    ap.add_argument("--paths", type=int, default=48000, help="few: most paths that are kept (0.6 MB each)")
    ap.add_argument("--keep", type=float, default=60, help="seconds between checkpoints")
    ap.add_argument("--device", default="cuda")
    ap.add_argument("--frames", type=int, default=33)
    ap.add_argument("--side", type=int, default=128)
    ap.add_argument("--every", type=int, default=200, help="steps between lines")
    ap.add_argument("--n", type=int, default=192, help="eval: clips to judge")
    ap.add_argument("--sampling", type=int, default=20, help="eval: steps of the base")
    ap.add_argument("--seed", type=int, default=4242, help="eval: of the drawn prompts")
    return ap.parse_args()


def main():
    import wanlora
    o = arguments()
    if o.minutes:
        o.end = time.time() + 60 * o.minutes
    o.batch, o.rank, o.lr = o.batch or BATCH[o.what], o.rank or RANK[o.what], o.lr or RATE[o.what]
    os.makedirs(o.out, exist_ok=True)
    torch._dynamo.config.suppress_errors = True                                        # what does not compile runs as it is
    torch._dynamo.config.automatic_dynamic_shapes, torch._dynamo.config.recompile_limit = False, 16
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = o.what != "eval"
    {"striped": wanlora.striped, "few": wanlora.distil, "eval": wanlora.evaluate}[o.what](o)


if __name__ == "__main__":
    main()
