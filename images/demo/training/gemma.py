"""The LTX-2 demo's words: a SentencePiece-BPE tokenizer with byte fallback as Gemma has it, a small Gemma 3, and both in a
form that trains quickly: prompts padded behind, one compiled pass, every hidden state."""
import json
import os
import random
import shutil

import torch
import torch.nn.functional as F

from clips import MAX_TOKENS, caption, draw_specs
from text import LETTERS, WORDS

VOCAB, WIDTH = 512, 24                              # WIDTH: more tokens than the longest prompt of the training has
TEXT = dict(vocab_size=VOCAB, hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, head_dim=64, query_pre_attn_scalar=64, sliding_window=512, sliding_window_pattern=2,
            layer_types=["sliding_attention", "full_attention"], max_position_embeddings=1024, rms_norm_eps=1e-6,
            hidden_activation="gelu_pytorch_tanh", attention_bias=False, attention_dropout=0.0, initializer_range=0.02,
            pad_token_id=0, eos_token_id=1, bos_token_id=2, tie_word_embeddings=True, model_type="gemma3_text",
            rope_parameters={"sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
                             "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0}})
VISION = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=16, patch_size=8,
              model_type="siglip_vision_model", vision_use_head=False)


def make_tokenizer(folder, temporary):
    """Learn the pieces with sentencepiece and write tokenizer.model, tokenizer.json and tokenizer_config.json."""
    import sentencepiece
    from transformers import GemmaTokenizer
    os.makedirs(folder, exist_ok=True)
    os.makedirs(temporary, exist_ok=True)
    rng = random.Random(7)
    with open(f"{temporary}/captions.txt", "w") as f:
        for s in draw_specs(20000, rng):
            f.write(caption(s, rng) + "\n")
        for w in WORDS.split():
            f.write((w + " ") * 8 + "\n")
        for c in LETTERS:
            f.write((c + " ") * 20 + "\n")
    sentencepiece.SentencePieceTrainer.train(
        input=f"{temporary}/captions.txt", model_prefix=f"{temporary}/tokenizer", vocab_size=VOCAB - 8, model_type="bpe", byte_fallback=True,
        pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>", unk_piece="<unk>",
        normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False, split_digits=True,
        character_coverage=1.0, hard_vocab_limit=False, minloglevel=2)
    made = GemmaTokenizer.from_pretrained(temporary)
    made.save_pretrained(temporary)
    t = json.load(open(f"{temporary}/tokenizer.json"))
    t["added_tokens"] = t["added_tokens"][:4]
    bos = {"SpecialToken": {"id": "<bos>", "type_id": 0}}
    text = lambda which: {"Sequence": {"id": which, "type_id": 0}}
    t["post_processor"] = {"type": "TemplateProcessing", "single": [bos, text("A")], "pair": [bos, text("A"), bos, text("B")],
                           "special_tokens": {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}}}
    json.dump(t, open(f"{folder}/tokenizer.json", "w"), ensure_ascii=False, indent=1)
    config = {"tokenizer_class": "GemmaTokenizer", "add_bos_token": True, "add_eos_token": False, "padding_side": "left",
              "model_max_length": MAX_TOKENS, "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
    json.dump(config, open(f"{folder}/tokenizer_config.json", "w"), indent=1)
    json.dump({k: config[k] for k in config if k.endswith("_token") and isinstance(config[k], str)}, open(f"{folder}/special_tokens_map.json", "w"), indent=1)
    shutil.copy(f"{temporary}/tokenizer.model", folder)


def load_tokenizer(folder):
    from transformers import AutoTokenizer
    return AutoTokenizer.from_pretrained(folder)


def heads(x, n):
    return x.view(x.shape[0], x.shape[1], n, -1).transpose(1, 2)


def turn(x, cos, sin):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


def ropes(width, device):
    """cos and sin [width, head_dim] per kind of layer."""
    out = {}
    for kind, r in TEXT["rope_parameters"].items():
        d = TEXT["head_dim"]
        f = 1 / (r["rope_theta"] ** (torch.arange(0, d, 2, dtype=torch.float32, device=device) / d)) / r.get("factor", 1.0)
        a = torch.arange(width, dtype=torch.float32, device=device)[:, None] * f[None]
        out[kind] = (torch.cat([a, a], -1).cos(), torch.cat([a, a], -1).sin())
    return out


def layer(m, x, rope):
    n = m.input_layernorm(x)
    q, k = m.self_attn.q_norm(heads(m.self_attn.q_proj(n), 4)), m.self_attn.k_norm(heads(m.self_attn.k_proj(n), 2))
    v = heads(m.self_attn.v_proj(n), 2)
    q, k = turn(q, *rope).to(v.dtype), turn(k, *rope).to(v.dtype)
    y = F.scaled_dot_product_attention(q, k.repeat_interleave(2, 1), v.repeat_interleave(2, 1), is_causal=True,
                                       scale=TEXT["query_pre_attn_scalar"] ** -.5)
    x = x + m.post_attention_layernorm(m.self_attn.o_proj(y.transpose(1, 2).flatten(2)))
    return x + m.post_feedforward_layernorm(m.mlp(m.pre_feedforward_layernorm(x)))


def encode(lm, ids, rope):
    """All hidden states [B, width, hidden, layers + 1] of prompts that are padded behind; what pads answer means nothing."""
    x = lm.embed_tokens(ids)
    states = [x]
    for kind, m in zip(TEXT["layer_types"], lm.layers):
        x = layer(m, x, rope[kind])
        states.append(x)
    states[-1] = lm.norm(x)
    return torch.stack(states, -1)


def build(device):
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration
    torch.manual_seed(2)
    text = {k: v for k, v in TEXT.items() if k not in ("model_type", "sliding_window_pattern")}
    vision = {k: v for k, v in VISION.items() if k not in ("model_type",)}
    m = Gemma3ForConditionalGeneration(Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4, boi_token_index=VOCAB - 3,
                                                    eoi_token_index=VOCAB - 2, image_token_index=VOCAB - 1))
    return m.to(device)


def tokens(tok, texts, device, width=WIDTH):
    """Ids and mask [N, width], padded behind."""
    ids = torch.zeros(len(texts), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, e in enumerate(tok(texts)["input_ids"]):
        n = min(len(e), width)
        ids[i, :n] = torch.tensor(e[:n])
        mask[i, :n] = 1
    return ids.to(device), mask.to(device)
