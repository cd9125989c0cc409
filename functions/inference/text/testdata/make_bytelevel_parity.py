#!/usr/bin/env python3
"""Write qwen-style.json, a byte-level BPE tokenizer in Qwen 2.5's form, and qwen_parity.json: what the reference library makes
of many strings with it.

    pip install tokenizers==0.23.3
    python make_bytelevel_parity.py
"""
import json, os, random

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
rng = random.Random(5)
PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
PROSE = ["a red circle moving right on a navy background", "um círculo vermelho se move para a direita", "雨の中を走る猫", "Ein Quadrat dreht sich, 12 mal!",
         "it's the dog's ball; they've seen it, I'LL go", "two  spaces\tand\ttabs\n\nlines", "кот бежит 2024 года"]


def words():
    pieces = [w for p in PROSE for w in p.split()] + ["'s", "'RE", "…", "é", "e\u0301", "👩‍🚀", "\u00a0", "\u3000", "\u2028", "\x85", "\r\n", "\n", "  ", "   ", "\t", "12345", "٣", "Ⅷ", "-", "(", "!!\n\n", "<|endoftext|>", "x\u200by", "\ufeff"]
    return [("" if rng.random() < .4 else " ").join(rng.choices(pieces, k=rng.randint(1, 9))) for _ in range(400)]


def main():
    t = Tokenizer(models.BPE(unk_token=None, byte_fallback=False, fuse_unk=False, ignore_merges=False))
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PATTERN), "isolated", invert=False), pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)])
    t.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(PROSE * 50, trainers.BpeTrainer(vocab_size=500, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    t.save(f"{HERE}/qwen-style.json", pretty=False)
    cases = [{"text": s, "ids": t.encode(s).ids} for s in [""] + PROSE + words()]
    json.dump(cases, open(f"{HERE}/qwen_parity.json", "w"), ensure_ascii=True, separators=(",", ":"))


main()
