"""One FastAPI process with a Wan 2.1 checkpoint loaded by diffusers: the design that VideosDGX is compared with.

usage: fastapi_server.py HOST:PORT CHECKPOINT

The port is opened once the model is loaded. POST /generate takes prompt and seed and answers with the clip's frames as
raw RGB bytes; the clip's size and steps are the checkpoint's defaults. Encoding the file is left out, in its favour.
"""

import json
import pathlib
import sys

import torch
import uvicorn
from diffusers import WanPipeline
from fastapi import FastAPI, Response
from pydantic import BaseModel

address, checkpoint = sys.argv[1], pathlib.Path(sys.argv[2])
defaults = json.loads((checkpoint / "model_index.json").read_text())["defaults"]
sizes = {k: defaults[k] for k in ("height", "width", "num_frames", "num_inference_steps", "guidance_scale", "max_sequence_length")}
pipe = WanPipeline.from_pretrained(checkpoint, torch_dtype=torch.float32)
pipe.set_progress_bar_config(disable=True)
app = FastAPI()


class Request(BaseModel):
    prompt: str
    seed: int = 0


@app.post("/generate")
def generate(r: Request) -> Response:
    seeded = torch.Generator().manual_seed(r.seed)
    frames = pipe(prompt=r.prompt, generator=seeded, output_type="np", **sizes).frames[0]
    return Response((frames * 255).round().astype("uint8").tobytes(), media_type="application/octet-stream")


host, port = address.rsplit(":", 1)
uvicorn.run(app, host=host, port=int(port), log_level="error")
