#!/usr/bin/env python3
"""Write what the reference libraries make of many strings with BPE tokenizers in Gemma's form: ../testdata/bpe_parity.json,
gemma.json and gemma.model (one tokenizer in both forms), and prefixed.model (sentencepiece's own defaults, and odd pieces).

    pip install tokenizers==0.23.3 sentencepiece==0.2.3 protobuf
    python make_bpe_parity.py
    python make_bpe_parity.py N FILE      # N random strings into FILE, for TEXT_BPE_PARITY=FILE go test
"""
import ast, json, os, random, sys, tempfile

import sentencepiece
import tokenizers
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
rng = random.Random(21)


def lists():
    """PROSE and strings() of make_parity.py, which runs when it is imported."""
    tree = ast.parse(open(f"{HERE}/make_parity.py").read())
    keep = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "strings" or isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == "PROSE"]
    space = {"rng": random.Random(22)}
    exec(compile(ast.Module(keep, []), "make_parity.py", "exec"), space)
    return space["PROSE"], space["strings"]()


PROSE, KNOWN = lists()
SHAPES = ["a red circle moving right with a high beep", "a blue square bounces off the wall, silent", "two green triangles spin slowly", "loud clicks as the ball comes closer"]
OWN = ["\n\n", "\n\n\n", "▁▁", "▁▁▁", "▁▁▁▁▁▁▁▁", "<start_of_turn>", "<end_of_turn>", "<mask>", "<td>", "[multimodal]"]


def train(**k):
    with tempfile.TemporaryDirectory() as tmp:
        with open(f"{tmp}/corpus.txt", "w") as f:
            for _ in range(500):
                words = rng.choice(PROSE + SHAPES * 3).split()
                rng.shuffle(words)
                f.write(" ".join(words) + "\n")
        sentencepiece.SentencePieceTrainer.train(input=f"{tmp}/corpus.txt", model_prefix=f"{tmp}/m", model_type="bpe", byte_fallback=True, hard_vocab_limit=False,
                                                 minloglevel=2, num_threads=1, **k)
        m = sentencepiece_model_pb2.ModelProto()
        m.ParseFromString(open(f"{tmp}/m.model", "rb").read())
    return m


def save(m, path):
    m.trainer_spec.input[:] = []
    m.trainer_spec.model_prefix = "m"
    open(path, "wb").write(m.SerializeToString(deterministic=True))


def gemma():
    return train(vocab_size=1500, pad_id=0, eos_id=1, bos_id=2, unk_id=3, bos_piece="<bos>", eos_piece="<eos>", normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False,
                 character_coverage=0.98, split_digits=True, allow_whitespace_only_pieces=True, user_defined_symbols=OWN)


def prefixed():
    """Defaults, with some pieces that are not to be used any more, and equal scores."""
    m = train(vocab_size=1300, normalization_rule_name="identity", character_coverage=0.98, user_defined_symbols=["zebra", "zeb", "\n"])
    normal = [i for i, p in enumerate(m.pieces) if p.type == 1 and len(p.piece) > 2]
    for i in normal[10::25]:
        m.pieces[i].type = 5
    for i in normal[3::9]:
        m.pieces[i].score = m.pieces[i - 1].score
    return m


def converted(m):
    """tokenizer.json of Gemma's converter in transformers."""
    vocab = {("\t" if p.piece == "<0x09>" else p.piece): i for i, p in enumerate(m.pieces)}
    scores = {("\t" if p.piece == "<0x09>" else p.piece): p.score for p in m.pieces}
    merges = []
    for piece, score in scores.items():
        local = [(piece[:i], piece[i:], score) for i in range(1, len(piece)) if piece[:i] in vocab and piece[i:] in vocab]
        merges += sorted(local, key=lambda x: (vocab[x[0]], vocab[x[1]]))
    merges.sort(key=lambda v: (v[2], len(v[0]), len(v[1])), reverse=True)
    added = [{"id": vocab[t], "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": t not in OWN or t.startswith("<start") or t.startswith("<end")}
             for t in ["<pad>", "<eos>", "<bos>", "<unk>"] + OWN if t in vocab]
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
            "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
            "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
            "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                               "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                               "special_tokens": {"<bos>": {"id": "<bos>", "ids": [vocab["<bos>"]], "tokens": ["<bos>"]}}},
            "decoder": None,
            "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": True,
                      "byte_fallback": True, "ignore_merges": False, "vocab": vocab, "merges": [[a, b] for a, b, _ in merges]}}


def plain():
    """Made by hand: no byte fallback for all, unknown tokens not fused, the older form of merges, whole words first, cuts isolated."""
    vocab = ["<unk>", "a", "b", "c", "ab", "bc", "abc", "aa", "aab", "<0xE4>", "<0xB8>", "<0x96>", "cab", "-", "--", "e"]
    merges = ["b c", "a b", "a bc", "ab c", "a a", "aa b", "a ab", "- -"]
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "[0-9]+"}, "behavior": "Isolated", "invert": False},
                                                                    {"type": "Split", "pattern": {"String": "e"}, "behavior": "MergedWithNext", "invert": False},
                                                                    {"type": "Split", "pattern": {"String": " "}, "behavior": "Removed", "invert": False}]},
            "post_processor": None, "decoder": None,
            "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": False, "byte_fallback": True, "ignore_merges": True, "vocab": {p: i for i, p in enumerate(vocab)}, "merges": merges}}


def strings():
    s = KNOWN + SHAPES + [x.replace(" ", "  ") for x in SHAPES]
    s += ["<bos>", "<bos>a<eos>", "a<mask>b", "<start_of_turn>user\nhi<end_of_turn>\n", "a\n\nb", "a\n\n\n\nb", "\n\n\n\n\n", "▁▁▁▁▁", "a▁▁▁b", "a     b", "<td>x</td>", "[multimodal] [multimodal",
          "<0x41>", "<0x09>", "a\tb", "12345 67 8", "zebra zebras zebzebra zeb", "  zebra  ", "cab abc aabc aaab bcbc", "世", "世世a世", "---", "e1e22e", "abce abc-abc"]
    for _ in range(80):
        s.append("".join(rng.choice([rng.choice(SHAPES), rng.choice(OWN), rng.choice(KNOWN)[:8], " ", "\n", "a", "<0x0A>", "界"]) for _ in range(rng.randrange(1, 6))))
    return list(dict.fromkeys(s))


def references():
    libs = {n: Tokenizer.from_file(f"{HERE}/{n}.json") for n in ("gemma", "bpe-plain")}
    out = {n: (lambda t: lambda s: t.encode(s).ids)(t) for n, t in libs.items()}
    for n in ("gemma", "prefixed"):
        p = sentencepiece.SentencePieceProcessor(model_file=f"{HERE}/{n}.model")
        out[n + ".model"] = (lambda p: lambda s: [p.bos_id()] + p.encode(s))(p)
    return out


def soak(n, path):
    any_char = lambda: chr(rng.choice([rng.randrange(0x20, 0x7f), rng.randrange(1, 0x3000), rng.randrange(0xe000, 0x10000), rng.randrange(0x10000, 0x20000), rng.randrange(0x3000, 0xd800)]))
    known, refs, out = strings(), references(), []
    for _ in range(n):
        a, b = rng.choice(known), rng.choice(known)
        i, j = rng.randrange(len(a) + 1), rng.randrange(len(b) + 1)
        s = rng.choice([a[i:i + 40] + b[j:j + 40], "".join(any_char() for _ in range(rng.randrange(12))), a[i:i + 10] + any_char() + b[j:j + 10]])
        out.append({"text": s, "ids": {k: f(s) for k, f in refs.items()}})
    json.dump({"encode": out}, open(path, "w"))


def main():
    if len(sys.argv) > 2:
        return soak(int(sys.argv[1]), sys.argv[2])
    m = gemma()
    save(m, f"{HERE}/gemma.model")
    write = lambda name, what, **k: json.dump(what, open(f"{HERE}/{name}", "w"), separators=(",", ":"), **k)
    write("gemma.json", converted(m), ensure_ascii=False)
    write("bpe-plain.json", plain())
    save(prefixed(), f"{HERE}/prefixed.model")
    refs = references()
    cases = [{"text": s, "ids": {k: f(s) for k, f in refs.items()}} for s in strings()]
    write("bpe_parity.json", {"made_with": {"tokenizers": tokenizers.__version__, "sentencepiece": sentencepiece.__version__}, "encode": cases}, ensure_ascii=True)
    print(len(cases), "strings")


main()
