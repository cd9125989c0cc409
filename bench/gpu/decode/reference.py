# Times diffusers' AutoencoderKLWan decoding 81 frames, weights as they are initialised. Arguments: rounds, device.
import sys
import time

import torch
from diffusers import AutoencoderKLWan

rounds, device = int(sys.argv[1]), int(sys.argv[2])
torch.cuda.set_device(device)
torch.manual_seed(0)
for dtype, name in ((torch.bfloat16, "bf16"), (torch.float32, "fp32")):
    vae = AutoencoderKLWan().to("cuda", dtype).eval()
    for size, height, width in (("480p", 60, 104), ("720p", 90, 160)):
        if name == "fp32" and size == "720p":
            continue
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        took = []
        with torch.no_grad():
            for _ in range(rounds + 1 if name == "bf16" else 2):
                latents = torch.randn(1, 16, 21, height, width, device="cuda", dtype=dtype)
                torch.cuda.synchronize()
                begin = time.perf_counter()
                vae.decode(latents, return_dict=False)[0].cpu()
                torch.cuda.synchronize()
                took.append(time.perf_counter() - begin)
        took = sorted(took[1:])
        print(f"{size}_{name}_s", took[len(took) // 2], flush=True)
        print(f"{size}_{name}_peak_mib", torch.cuda.max_memory_reserved() / 2**20, flush=True)
    del vae
