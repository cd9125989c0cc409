"""Prompts to vectors: the unigram tokenizer as tokenizer.json, and UMT5 in a form that compiles."""
import base64
import json
import os
import random

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from shapes import MAX_TOKENS, caption, draw_specs

WORDS = "the quick brown fox jumps over lazy dog while many people watch it happen in an old city at night with bright light"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?;:'\"-()"
SPECIAL = {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


def corpus(path, rng):
    with open(path, "w") as f:
        for s in draw_specs(20000, rng):
            f.write(caption(s, rng) + "\n")
        for w in WORDS.split():
            f.write((w + " ") * 8 + "\n")
        for c in LETTERS:
            f.write((c + " ") * 20 + "\n")


def tokenizer_json(pieces, charsmap):
    added = [{"id": i, "content": p, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
             for i, p in enumerate(["<pad>", "</s>", "<unk>"])]
    space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    end = {"SpecialToken": {"id": "</s>", "type_id": 0}}
    text = lambda which: {"Sequence": {"id": which, "type_id": 0}}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
            "normalizer": {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, space]},
            "post_processor": {"type": "TemplateProcessing", "single": [text("A"), end], "pair": [text("A"), end, text("B"), end],
                               "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
            "decoder": space, "model": {"type": "Unigram", "unk_id": 2, "vocab": pieces, "byte_fallback": False}}


def make_tokenizer(out):
    """Learn the pieces with sentencepiece and write OUT/tokenizer."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2
    os.makedirs(f"{out}/tokenizer", exist_ok=True)
    corpus(f"{out}/captions.txt", random.Random(7))
    sentencepiece.SentencePieceTrainer.train(
        input=f"{out}/captions.txt", model_prefix=f"{out}/spiece", vocab_size=256, model_type="unigram", pad_id=0, eos_id=1, unk_id=2,
        bos_id=-1, normalization_rule_name="nmt_nfkc", character_coverage=1.0, hard_vocab_limit=False, minloglevel=2)
    m = sentencepiece_model_pb2.ModelProto()
    m.ParseFromString(open(f"{out}/spiece.model", "rb").read())
    write = lambda name, what: json.dump(what, open(f"{out}/tokenizer/{name}", "w"), ensure_ascii=False)
    write("tokenizer.json", tokenizer_json([[p.piece, p.score] for p in m.pieces], m.normalizer_spec.precompiled_charsmap))
    write("tokenizer_config.json", {"tokenizer_class": "T5TokenizerFast", **SPECIAL, "model_max_length": MAX_TOKENS, "extra_ids": 0})
    write("special_tokens_map.json", SPECIAL)


def load_tokenizer(out):
    return Tokenizer.from_file(f"{out}/tokenizer/tokenizer.json")


def tokens(tok, texts, device, width=MAX_TOKENS):
    """Ids and mask [N, width]; what does not fit is cut."""
    ids = torch.zeros(len(texts), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, e in enumerate(tok.encode_batch(texts)):
        n = min(len(e.ids), width)
        ids[i, :n] = torch.tensor(e.ids[:n])
        mask[i, :n] = 1
    return ids.to(device), mask.to(device)


def attend(layer, x, bias):
    b, n, _ = x.shape
    heads = lambda f: f(x).view(b, n, layer.n_heads, -1).transpose(1, 2)
    scores = heads(layer.q) @ heads(layer.k).mT + bias                                 # UMT5 does not scale
    y = scores.float().softmax(-1).to(x.dtype) @ heads(layer.v)
    return layer.o(y.transpose(1, 2).reshape(b, n, -1))


def encode(umt5, ids, mask):
    """UMT5EncoderModel's last hidden state, zero past the prompt as in WanPipeline, padded to MAX_TOKENS."""
    x = umt5.shared(ids)
    away = (1 - mask[:, None, None, :].float()) * -1e9
    for block in umt5.encoder.block:
        norm, attention = block.layer[0].layer_norm, block.layer[0].SelfAttention
        x = x + attend(attention, norm(x), attention.compute_bias(ids.shape[1], ids.shape[1]) + away)
        x = x + block.layer[1].DenseReluDense(block.layer[1].layer_norm(x))
    x = umt5.encoder.final_layer_norm(x) * mask[..., None]
    return F.pad(x, (0, 0, 0, MAX_TOKENS - x.shape[1]))
