"""cuDNN's attention through PyTorch: a line for each shape, "cudnn HEADS HEAD QUERIES KEYS TYPE MS", the median of 60 runs one behind the other."""
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

Q = 32760
for heads, head, keys, kind in [(12, 128, Q, "bf16"), (12, 128, Q, "f16"), (40, 128, Q, "bf16"), (24, 64, Q, "bf16"), (24, 64, Q, "f16"),
                                (12, 128, 256, "bf16"), (12, 128, 512, "bf16"), (12, 128, 1024, "bf16"), (12, 128, 2048, "bf16"), (12, 128, 4096, "bf16"),
                                (40, 128, 512, "bf16")]:
    dtype = torch.bfloat16 if kind == "bf16" else torch.float16
    q = torch.randn(1, heads, Q, head, device="cuda", dtype=dtype)
    k = torch.randn(1, heads, keys, head, device="cuda", dtype=dtype)
    v = torch.randn_like(k)
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        for _ in range(3):
            F.scaled_dot_product_attention(q, k, v)
        at = [torch.cuda.Event(enable_timing=True) for _ in range(61)]
        at[0].record()
        for e in at[1:]:
            F.scaled_dot_product_attention(q, k, v)
            e.record()
    torch.cuda.synchronize()
    ms = sorted(a.elapsed_time(b) for a, b in zip(at, at[1:]))
    print(f"cudnn {heads} {head} {Q} {keys} {kind} {ms[30]:.4f}", flush=True)
