#!/usr/bin/env python3
"""Write what the reference libraries make of many strings: ../testdata/parity.json and two more tokenizers.

    pip install tokenizers==0.23.3 sentencepiece==0.2.3 protobuf ftfy==6.3.1
    python make_parity.py DEMO_TOKENIZER_DIR
    python make_parity.py DEMO_TOKENIZER_DIR N FILE      # N random strings into FILE, for TEXT_PARITY=FILE go test
"""
import base64, html, json, os, random, re, sys, tempfile, unicodedata

import ftfy
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
rng = random.Random(20)

PROSE = """The sunlit harbour was quiet; gulls wheeled over the masts and a red boat moved slowly to the left.
Le château brille au crépuscule, l'été s'en va et les ombres s'allongent sur l'eau.
Über den Dächern fließt der Fluß, während Kinder mit großen Drachen spielen.
Город просыпается медленно: красный круг движется вправо на синем фоне.
一只红色的大圆圈在深蓝色的背景上缓慢地向右移动。夜晚的城市灯光很亮。
赤い円が紺色の背景の上をゆっくり右へ動いています。東京の夜はとても明るい。
붉은 원이 남색 배경 위에서 천천히 오른쪽으로 움직입니다.
دائرة حمراء كبيرة تتحرك ببطء إلى اليمين على خلفية زرقاء داكنة.
एक बड़ा लाल गोला गहरे नीले पृष्ठभूमि पर धीरे-धीरे दाईं ओर बढ़ रहा है।
วงกลมสีแดงขนาดใหญ่เคลื่อนที่ช้าๆ ไปทางขวาบนพื้นหลังสีกรมท่า
Ένας μεγάλος κόκκινος κύκλος κινείται αργά προς τα δεξιά.
עיגול אדום גדול נע לאט ימינה על רקע כחול כהה.""".split("\n")


def umt5_style():
    """A unigram model with byte fallback, as UMT5's is, over several scripts."""
    with tempfile.TemporaryDirectory() as tmp:
        with open(f"{tmp}/corpus.txt", "w") as f:
            for _ in range(400):
                words = rng.choice(PROSE).split()
                rng.shuffle(words)
                f.write(" ".join(words) + "\n")
        sentencepiece.SentencePieceTrainer.train(
            input=f"{tmp}/corpus.txt", model_prefix=f"{tmp}/m", vocab_size=900, model_type="unigram", pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
            byte_fallback=True, normalization_rule_name="nmt_nfkc", character_coverage=0.98, hard_vocab_limit=False, minloglevel=2, num_threads=1)
        m = sentencepiece_model_pb2.ModelProto()
        m.ParseFromString(open(f"{tmp}/m.model", "rb").read())
    return document([[p.piece, p.score] for p in m.pieces], m.normalizer_spec.precompiled_charsmap, True)


def added(i, text, **k):
    return {"id": i, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True, **k}


def document(vocab, charsmap, fallback):
    n = len(vocab)
    return {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [added(0, "<pad>"), added(1, "</s>"), added(2, "<unk>"), added(n, "<extra_id_0>", lstrip=True), added(n + 1, "<extra_id_1>", rstrip=True),
                             added(n + 2, "zebra", special=False, single_word=True, normalized=True), added(n + 3, "Ａｂ", special=False, normalized=True)],
            "normalizer": {"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()},
                           {"type": "Strip", "strip_left": False, "strip_right": True}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]},
            "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True},
            "post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                               "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}], "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
            "decoder": None, "model": {"type": "Unigram", "unk_id": 2, "vocab": vocab, "byte_fallback": fallback}}


def plain():
    """Small, made by hand: NFKD, marks in front of the first word only, ties between segmentations, no byte fallback."""
    d = document([["<pad>", 0], ["</s>", 0], ["<unk>", 0], ["▁", -1], ["a", -2], ["b", -2], ["ab", -4], ["aa", -4], ["▁a", -3], ["ba", -4], ["abab", -8], ["e", -1], ["\u0301", -2], ["\u0000", -1], ["界", -1.5]], b"", False)
    d["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "Replace", "pattern": {"String": "--"}, "content": "a"}]}
    d["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}]}
    return d


def strings():
    s = ["", " ", "  ", "\t", "\n", "\r\n", "\u3000", "a", "A", " a", "a ", "  a  b  ", "▁", "▁▁a", "a▁b", " ▁ a", "</s>", "a</s>b", " </s> x", "<unk>", "<pad><pad>", "<extra_id_0>",
         "go <extra_id_0> now", "go   <extra_id_1>   now", "<extra_id_0><extra_id_1> <extra_id_0>", "zebra", "zebras", "a zebra b", "azebra", "zebra-zebra", "Ａｂ Ab ab", "xAby", "<EXTRA_ID_0>",
         "a big red circle moving right slowly on a navy background", "a video of a small green square, moving up quickly", "A BIG RED CIRCLE", "a  big   red\tcircle\nmoving"]
    s += PROSE + [p.upper() for p in PROSE] + [p[::-1] for p in PROSE]
    s += ["ｆｕｌｌ　ｗｉｄｔｈ　ｔｅｘｔ", "ＡＢＣ１２３！？", "ｶﾞｷﾞｸﾞ", "ﾊﾟﾋﾟ", "①②③ ㍿ ㌔ ㎏", "½ ¼ ⅓", "ﬁne ﬂow ﬃ", "Ǆ ǆ ŉ ĳ", "x² y³ H₂O", "™ ℠ ℃ Å", "…", "‥", "″ ‴", "ª º", "ſ", "İ ı", "ß ẞ", "ΐ ΰ", "ﷺ", "ﷻ"]
    s += ["e\u0301", "é", "e\u0301\u0327", "c\u0327\u0301", "a\u0300\u0301\u0302\u0303", "\u0301", " \u0301a", "a\u0308\u0323", "o\u0302\u0301", "ệ", "e\u0323\u0302", "q\u0307\u0323", "Z̷̤̈́a̷͗l̴̈́g̵̛o̴̎",
          "한국어", "\u1112\u1161\u11ab", "가\u11a8", "\u1100", "क्षत्रिय", "क्\u200dष", "क्\u200cष", "ก็ ำ ้ำ", "ທຳ", "བོད", "ဗမာ", "தமிழ் ஸ்ரீ", "స్ట్రీ", "ക്ഷ", "ශ්‍රී", "ᠮᠣᠩᠭᠣᠯ", "እንኳን", "ײַ יִ", "ﭏ", "אָלֶף־בֵּית"]
    s += ["👍", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "🇩", "❤️", "❤", "☺︎", "1️⃣", "#️⃣", "🤦🏼‍♂️", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "😀a😀", "a\u200db", "a\ufe0f", "🫠🪿"]
    s += ["\u0000", "a\u0000b", "\u0001\u0002", "a\u0007b", "\u001b[31mred\u001b[0m", "\u007f", "\u0080\u0085\u009f", "a\u0085b", "a\u00a0b", "a\u00adb", "\u200b", "a\u200bb", "a\u200e\u200fb", "\u2028a\u2029", "\u2060x", "\ufeffstart",
          "\ufff9a\ufffab\ufffb", "\ufffd", "\uffff", "\ue000", "\U000f0000", "\U0010ffff", "\u2000a\u2001b\u2002c\u2009d\u200ae", "a\u202fb\u205fc", "\u1680a\u180eb", "\u034fa", "\u061ca", "a\u000bb\u000cc", "\u001c\u001d\u001e\u001f"]
    s += ["&amp; &lt;tag&gt;", "don’t “quote” ‘me’", "don't", "a-b—c–d", "100,000.50", "3.14159", "http://example.com/a?b=c&d=e", "user@example.com", "C++ / C# & F#", "snake_case camelCase", "{\"json\": [1, 2]}", "\\n\\t", "~!@#$%^&*()_+`-={}|[]\\:\";'<>?,./",
          "ab", "aba", "abab", "ababab", "aab", "baab", "aaaa", "abaabab", "--", "a--b", "世界", "界a界", "世世界", "日本語とEnglishの混ざった文", "Привет, мир! Hello 世界 🌍", "español ñandú", "Tiếng Việt có dấu", "Türkçe İstanbul ığdır",
          "مرحبا بالعالم", "ﻣﺮﺣﺒﺎ", "لَا إِلٰهَ", "١٢٣٤", "۱۲۳", "१२३", "𝐁𝐨𝐥𝐝 𝒮𝒸𝓇𝒾𝓅𝓉 𝔉𝔯𝔞𝔨", "ⓐⓑⓒ", "🅰🅱", "𠮷野家", "𩸽", "豈 更", "龜", "﹏﹏", "︵︶", "〜～~", "ー－-", "‐‑‒–—―", "'‘’‚‛′", "\u0149a", "\u1e9b\u0323", "\u2126 \u212b \u212a"]
    s += ["a " * 300, "word" * 200, "界" * 400, "\u0301" * 50, "é" * 120, "👨‍👩‍👧‍👦" * 40, " " * 200 + "x", "ab" * 300]
    pool = [chr(c) for c in list(range(0x20, 0x7f)) * 3 + list(range(0xa0, 0x250)) + list(range(0x300, 0x340)) * 3 + list(range(0x370, 0x400)) + list(range(0x5d0, 0x5eb)) + list(range(0x620, 0x660)) * 2
            + list(range(0x900, 0x970)) * 2 + list(range(0xe01, 0xe3b)) + list(range(0x1100, 0x1113)) + list(range(0x1161, 0x1176)) + list(range(0x2000, 0x2070)) + list(range(0x3040, 0x3100)) + list(range(0xff01, 0xffa0)) + list(range(0x1f600, 0x1f650)) + [0x200d, 0xfe0f] * 20]
    s += ["".join(rng.choice(pool) for _ in range(rng.randint(1, 40))) for _ in range(120)]
    return list(dict.fromkeys(s))


def clean(text):
    """diffusers' prompt_clean."""
    text = html.unescape(html.unescape(ftfy.fix_text(text)))
    return re.sub(r"\s+", " ", text.strip()).strip()


def dirty():
    return ["", "  a \n b\t\tc ", "&amp;amp;lt;b&amp;amp;gt;", "&lt;b&gt; bold", "tom &amp; jerry", "this&not that", "&#65;&#x42;&#128512;", "caf&eacute;", "caf&EACUTE;", "&nosuch; &", "&#0;&#xD800;&#x110000;", "&#1;&#11;x", "&#x85;y", "a\u00a0b\u3000c", "\u001ca\u001fb",
            "“curly” ‘quotes’ ʼn", "ﬁne ﬂow ﬆ Ǆ", "ＬＯＵＤ　ＮＯＩＳＥ", "ｶﾞ", "line\r\nbreak\rhere\u2028and\u2029end\u0085x", "\u001b[31mred\u001b[0m", "a\u0000b\u0007c", "\ufeffstart", "e\u0301", "a\u206ab\ufffcc", "\u007f", "<a> &amp; b", "&lt", "&ltx;", "&copy 2020", "日本語", "👍🏽", "\U0001d173x", "fi\u200bx", "&quot;q&quot; &apos;a&apos;", "&nbsp;x&nbsp;",
            "first <b>\nsecond &amp;lt;", "&LT; &GT;&AMP;"]


def load():
    return {"demo": Tokenizer.from_file(f"{sys.argv[1]}/tokenizer.json"), "umt5-style": Tokenizer.from_file(f"{HERE}/umt5-style.json"), "plain": Tokenizer.from_file(f"{HERE}/plain.json")}


def soak(n, path):
    """Random characters of all planes, and random cuts of the strings above."""
    known, toks, out = strings(), load(), []
    any_char = lambda: chr(rng.choice([rng.randrange(0x20, 0x7f), rng.randrange(0x3000), rng.randrange(0xe000, 0x10000), rng.randrange(0x10000, 0x20000), rng.randrange(0x3000, 0xd800)]))
    for _ in range(n):
        a, b = rng.choice(known), rng.choice(known)
        i, j = rng.randrange(len(a) + 1), rng.randrange(len(b) + 1)
        out.append(rng.choice([a[i:i + 40] + b[j:j + 40], "".join(any_char() for _ in range(rng.randrange(12))), a[i:i + 10] + any_char() + b[j:j + 10]]))
    json.dump({"encode": [{"text": s, "ids": {k: t.encode(s).ids for k, t in toks.items()}} for s in out],
               "fixed_width": [{"tokenizer": "plain", "text": "", "width": 1, "ids": [1], "mask": [1]}], "clean": [{"text": s, "want": clean(s)} for s in out]}, open(path, "w"))


def main():
    if len(sys.argv) > 2:
        return soak(int(sys.argv[2]), sys.argv[3])
    write = lambda name, what, **k: json.dump(what, open(f"{HERE}/{name}", "w"), **k)
    write("umt5-style.json", umt5_style(), ensure_ascii=False, separators=(",", ":"))
    write("plain.json", plain(), ensure_ascii=True, separators=(",", ":"))
    toks = load()
    cases = [{"text": s, "ids": {n: t.encode(s).ids for n, t in toks.items()}} for s in strings()]
    cut = []
    for n, t in toks.items():
        for s in ["", "a red circle", "a " * 40, "界" * 30]:
            for width in (1, 8, 64):
                t.enable_truncation(width); t.enable_padding(length=width, pad_id=0, pad_token="<pad>")
                e = t.encode(s)
                cut.append({"tokenizer": n, "text": s, "width": width, "ids": e.ids, "mask": e.attention_mask})
    import tokenizers
    write("parity.json", {"made_with": {"tokenizers": tokenizers.__version__, "sentencepiece": sentencepiece.__version__, "ftfy": ftfy.__version__, "unicode": unicodedata.unidata_version},
          "encode": cases, "fixed_width": cut, "clean": [{"text": s, "want": clean(s)} for s in dirty()]}, ensure_ascii=True, separators=(",", ":"))
    print(len(cases), "strings,", len(cut), "widths,", len(dirty()), "prompts")


main()
