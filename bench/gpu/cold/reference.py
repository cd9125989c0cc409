# The Python design: a process that imports its libraries, loads diffusers' pipeline onto the GPU and makes a first step.
# "save DIR" makes a checkpoint of random weights; "run DIR" is the measured process, which prints a phase's name at its end.
import sys

what, folder = sys.argv[1], sys.argv[2] + "/python"
print("process", flush=True)
import torch
from diffusers import UniPCMultistepScheduler, WanTransformer3DModel
from transformers import UMT5Config, UMT5EncoderModel

print("imports", flush=True)
if what == "save":
    with torch.device("cuda"):
        torch.set_default_dtype(torch.bfloat16)
        WanTransformer3DModel(num_attention_heads=12, attention_head_dim=128, in_channels=16, out_channels=16, text_dim=4096, ffn_dim=8960, num_layers=30).save_pretrained(folder + "/transformer")
        UMT5EncoderModel(UMT5Config(vocab_size=256384, d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64, feed_forward_proj="gated-gelu")).to(torch.bfloat16).save_pretrained(folder + "/text_encoder")
    sys.exit()
text = UMT5EncoderModel.from_pretrained(folder + "/text_encoder", torch_dtype=torch.bfloat16).to("cuda")
print("text_encoder_open", flush=True)
model = WanTransformer3DModel.from_pretrained(folder + "/transformer", torch_dtype=torch.bfloat16).to("cuda")
print("transformer_open", flush=True)
with torch.no_grad():
    ids = torch.arange(512, device="cuda")[None]
    context = text(ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    torch.cuda.synchronize()
    print("prompt_encoded", flush=True)
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    scheduler.set_timesteps(50, device="cuda")
    latents = torch.randn(1, 16, 21, 60, 104, device="cuda", dtype=torch.bfloat16)
    t = scheduler.timesteps[0]
    v = model(hidden_states=latents, timestep=t.expand(1), encoder_hidden_states=context, return_dict=False)[0]
    u = model(hidden_states=latents, timestep=t.expand(1), encoder_hidden_states=context, return_dict=False)[0]
    scheduler.step(u + 5 * (v - u), t, latents, return_dict=False)[0].cpu()
    print("first_step", flush=True)
