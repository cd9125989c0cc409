# Times denoising steps of diffusers' WanTransformer3DModel with random weights: two predictions, guidance, scheduler.
# Arguments: transformer config as JSON, steps to count, device. Prints "what seconds" lines.
import json
import sys
import time

import torch
from diffusers import UniPCMultistepScheduler, WanTransformer3DModel

config, steps, device = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
config = {k: v for k, v in config.items() if v is not None and k in (
    "patch_size num_attention_heads attention_head_dim in_channels out_channels text_dim freq_dim ffn_dim num_layers eps".split())}
torch.cuda.set_device(device)
torch.manual_seed(0)
with torch.device("cuda"), torch.no_grad():
    torch.set_default_dtype(torch.bfloat16)
    model = WanTransformer3DModel(**config).eval()
    torch.set_default_dtype(torch.float32)
WARM = 2


@torch.no_grad()
def measure(what, model):
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=3.0)
    scheduler.set_timesteps(steps + WARM, device="cuda")
    latents = torch.randn(1, 16, 21, 60, 104, device="cuda")
    cond, uncond = (torch.randn(1, 512, config["text_dim"], device="cuda", dtype=torch.bfloat16) for _ in range(2))
    took = []
    for t in scheduler.timesteps:
        torch.cuda.synchronize()
        begin = time.perf_counter()
        x, when = latents.to(torch.bfloat16), t.expand(1)
        v = model(hidden_states=x, timestep=when, encoder_hidden_states=cond, return_dict=False)[0]
        u = model(hidden_states=x, timestep=when, encoder_hidden_states=uncond, return_dict=False)[0]
        latents = scheduler.step(u + 5 * (v - u), t, latents, return_dict=False)[0]
        torch.cuda.synchronize()
        took.append(time.perf_counter() - begin)
    took = sorted(took[WARM:])
    print(what, took[len(took) // 2], flush=True)


measure("eager_s", model)
measure("compiled_s", torch.compile(model))
a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
for _ in range(5):
    a @ b
torch.cuda.synchronize()
begin = time.perf_counter()
for _ in range(20):
    a @ b
torch.cuda.synchronize()
print("matmul_tflop_per_s", 20 * 2 * 8192**3 / (time.perf_counter() - begin) / 1e12)
# attention alone, by each kernel that is there, at this model's shape
from torch.nn.attention import SDPBackend, sdpa_kernel

q, k, v = (torch.randn(1, config["num_attention_heads"], 32760, config["attention_head_dim"], device="cuda", dtype=torch.bfloat16) for _ in range(3))
for name, backend in (("flash", SDPBackend.FLASH_ATTENTION), ("cudnn", SDPBackend.CUDNN_ATTENTION)):
    with sdpa_kernel(backend):
        for _ in range(2):
            torch.nn.functional.scaled_dot_product_attention(q, k, v)
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(5):
            torch.nn.functional.scaled_dot_product_attention(q, k, v)
        torch.cuda.synchronize()
        print(f"attention_{name}_ms", (time.perf_counter() - begin) * 200, flush=True)
