#!/usr/bin/env python3
"""Train the LTX-2 demo checkpoint: a very small LTX-2 that makes clips with sound of what its prompt says.

The checkpoint has the architecture and the file layout of LTX-2 in diffusers (transformer with 2.3's gates and modulated
text, Gemma 3, connectors with registers, video and audio autoencoder, vocoder); only its sizes are small. Data is
procedural: clips.py draws moving shapes and their sounds; ears.py judges.

    python train_ltx2_demo.py tokenizer --out DIR
    python train_ltx2_demo.py video --minutes 7 --out DIR              # with the next on another device, if there are two
    python train_ltx2_demo.py sound --minutes 7 --out DIR
    python train_ltx2_demo.py dit --minutes 11 --out DIR [--width 192]
    python train_ltx2_demo.py eval --out DIR --n 96                    # the reference pipeline's scores, samples, latents

Needs one CUDA GPU, torch, transformers, diffusers, safetensors and Pillow; sentencepiece and protobuf for the tokenizer.
With --device cpu --steps 2 --batch 2 it runs anywhere, as a test of itself.
"""
import argparse
import os
import time

import torch

BATCH = dict(video=16, sound=64, dit=256, eval=24, tokenizer=1)
RATE = dict(video=5e-3, sound=3e-3, dit=3e-3, eval=0, tokenizer=0)
KL = dict(video=3e-4, sound=1e-3)


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("what", choices=list(BATCH))
    ap.add_argument("--out", required=True)
    ap.add_argument("--minutes", type=float, default=0, help="time to train, compilation included; else --steps")
    ap.add_argument("--end", type=float, default=0, help="or the moment to end at, in seconds since 1970")
    ap.add_argument("--steps", type=int, default=100)
    ap.add_argument("--batch", type=int, help="clips per step")
    ap.add_argument("--lr", type=float, help="of the matrices")
    ap.add_argument("--compile", type=int, default=1)
    ap.add_argument("--kl", type=float, help="weight of the prior on the latents")
    ap.add_argument("--width", type=int, default=256, help="dit: of the video stream, a multiple of 64; the sound's is half")
    ap.add_argument("--layers", type=int, default=6)
    ap.add_argument("--resume", help="dit: checkpoint of the same width and layers to go on from; its autoencoders must be those of OUT")
    ap.add_argument("--clips", type=int, default=60000, help="dit: most clips to encode")
    ap.add_argument("--encode-share", type=float, default=.08, help="dit: most of the time to encode them in")
    ap.add_argument("--graph", type=int, default=1, help="dit: record a step as a CUDA graph")
    ap.add_argument("--warm", type=int, default=0, help="dit: only compile, on noise, so that a later run finds it done")
    ap.add_argument("--keep", type=float, default=150, help="seconds between checkpoints")
    ap.add_argument("--device", default="cuda")
    ap.add_argument("--every", type=int, default=250, help="steps between lines")
    ap.add_argument("--batches", type=int, default=16, help="for the latents' statistics")
    ap.add_argument("--n", type=int, default=96, help="clips to judge")
    ap.add_argument("--sampling", type=int, default=20, help="eval: steps")
    ap.add_argument("--guidance", type=float, nargs="+", default=[3.0], help="eval: of picture and sound; several are tried in turn")
    ap.add_argument("--seed", type=int, default=4242, help="eval: of the drawn prompts")
    return ap.parse_args()


def main():
    o = arguments()
    if o.minutes:
        o.end = time.time() + 60 * o.minutes
    o.batch, o.lr, o.kl = o.batch or BATCH[o.what], o.lr or RATE[o.what], o.kl if o.kl is not None else KL.get(o.what)
    os.makedirs(o.out, exist_ok=True)
    torch._dynamo.config.suppress_errors = True                                        # what does not compile runs as it is
    torch._dynamo.config.automatic_dynamic_shapes, torch._dynamo.config.recompile_limit = False, 16
    torch.backends.cudnn.benchmark = o.what in ("video", "sound")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = o.what != "eval"
    if o.what == "tokenizer":
        import gemma
        gemma.make_tokenizer(f"{o.out}/tokenizer", f"{o.out}/tokenizer.making")
    elif o.what == "video":
        import ltxvideo
        ltxvideo.train(o)
    elif o.what == "sound":
        import ltxsound
        ltxsound.train(o)
    elif o.what == "dit":
        import ltxdit
        (ltxdit.warm if o.warm else ltxdit.train)(o)
    else:
        import ltxsample
        ltxsample.evaluate(o)


if __name__ == "__main__":
    main()
