#!/usr/bin/env python3
"""Writes what the reference tokenizer says, for tests/tokenizer/test_tokenizer_golden.c.

    make_tokenizer.py VOCABULARY_FOLDER OUT.json
    make_tokenizer.py --train OUT.json

The folder holds vocab.json and merges.txt: models/reviews-4m, or GPT-2's own, which
tools/fetch-gpt2-vocab puts into build/gpt2-vocab; or a tokenizer.json, as tools/fetch-tokenizers
puts into build/tokenizers. With --train a small one of GPT-NeoX's kind is trained, and written into
the file whole. Needs the package `tokenizers`, whose version is
written into the file, and a Python whose unicodedata is at Unicode 14 (3.11).

Large inputs are not stored: both sides make them by the same rule, and compare CRC-32s of the
tokens. A text's tokens enter a CRC as a count and the ids, each as four bytes, little-endian. A
vocabulary may lack bytes, which `tokenizers` leaves out without a word: a text that has one is
expected to be refused, null here, and enters a CRC as the count -1.
"""
import json
import os
import struct
import sys
import unicodedata
import zlib

import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

SPECIAL = "<|endoftext|>"
BLOCK = 256          # code points in one CRC
GROUP = 256          # random strings in one CRC
GROUPS = 160
MEGABYTE = 1 << 20

SPACES = [0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x1F, 0x20, 0x85, 0xA0, 0x1680, 0x180E,
          *range(0x2000, 0x2010), 0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF]

# What random strings are made of: letters of both cases, digits, apostrophes, spaces of every kind,
# marks, joiners, and letters and numbers of other scripts.
POOL = ([ord(c) for c in "aabcdeeilmnorstvyASTREVMLD'''’‘0129 \u0020\u0020\u0020.,!?-_(\"#\\/\n\n\r\t<|>"]
        + SPACES
        + [0x00, 0x01, 0x1B, 0x7F, 0xAD, 0xB7, 0xAA, 0xB2, 0xBD, 0xDF, 0xE9, 0x130, 0x131, 0x300,
           0x301, 0x345, 0x3A3, 0x3C2, 0x5D0, 0x5B0, 0x627, 0x661, 0x64B, 0x6F5, 0x915, 0x94D, 0x967,
           0xE01, 0xE31, 0x1100, 0x1161, 0xAC00, 0x200B, 0x200C, 0x200D, 0x202E, 0x20AC, 0x2160,
           0x2460, 0x3007, 0x3042, 0x4E00, 0x4E8C, 0xA000, 0xD7A3, 0xE000, 0xFB01, 0xFE0F, 0xFF11,
           0xFF41, 0xFFFD, 0x10000, 0x10330, 0x1D400, 0x1D7D8, 0x1F1E6, 0x1F1FA, 0x1F3FD, 0x1F468,
           0x1F469, 0x1F600, 0x20000, 0xE0100, 0xF0000, 0x10FFFD])

TEXTS = [
    "", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\r\n\r\n", "\t", " \n ", "a", " a", "a ", "  a", "a  ",
    "a  b", "a   b", "a \n b", "a\n\n\nb", "a\t\tb", "a \t b", "\n a", "a\r\nb\rc\nd\n\re",
    "I love this movie because it is", "I hate this movie because it is", " great", " bad",
    "Hello, world!", "Hello,world!", "The quick brown fox jumps over the lazy dog.",
    "don't can't won't I'm you're he'll she'd we've it's they'll'd've", "DON'T CAN'T I'M YOU'RE HE'LL",
    "Don'T 'S 'T 'RE 'VE 'M 'LL 'D 's 't 're 've 'm 'll 'd", "'''s''' ''t 'se 'tt 'rest 'very 'mm 'llama 'dd",
    "don’t can’t I’m you’re he’ll she’d we’ve it’s", "rock 'n' roll '90s 'tis", "x's' 's's", " 's 't", "  's",
    "1", "12", "123", "1234567890", "3.14159", "1,000,000", "1e-10", "0x1F", "a1b2c3", "1a 2b", "½ ¾ ² ³ ¹",
    "١٢٣ ۴۵۶ १२३ ๑๒๓ 一二三 Ⅷ ⅻ ① ㊿ 𝟘𝟙 𐄇 ௧௨", "٣٫١٤", "１２３４",
    "!!!", "...", "…", "?!?!", " !", "a!b", "#hashtag @user $100 50% a&b (x) [y] {z} <t>", "---", "–—―",
    "\"quoted\" 'single' “curly” ‘single’ «guillemets» „low“", "C:\\path\\file", "http://example.com/?q=1&r=2#x",
    "user@example.com", "if (a[i] != 0) { return b->c; } // comment", "def f(x):\n    return x + 1\n",
    "\tindented\n\t\ttwice\n", "trailing space \n", "trailing spaces   \n\n  next", "a\u00a0b", "\u00a0a", "a \u00a0 b",
    "\u3000全角\u3000スペース", "a\u3000b", "a\u200bb", "a \u200b b", "a\u180eb", "a \u180e b", " \u180e", "\u180e\u180e ",
    "a\u0085b", "\u0085", " \u0085 ", "a\u2028b\u2029c", "a\u2003b", "a\ufeffb", "\ufeffbom", "a\u2060b", "a\u00adb",
    "\u001c\u001d\u001e\u001f", "a\u001cb", "a\u000bb\u000cc", "\u0000", "a\u0000b", "\u0000\u0001\u0002\u0003", "\u007f\u0080\u009f",
    "\u001b[31mred\u001b[0m", "\u0007\u0008",
    "é", "e\u0301", "ñ n\u0303", "Å A\u030a \u212b", "a\u0300\u0301\u0302\u0303", "\u0301", " \u0301", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞",
    "İstanbul ıI iİ", "straße STRASSE ẞ", "ﬁ ﬂ ﬀ", "ǅ ǈ", "Ω Ω µ μ",
    "😀", "😀😀", " 😀", "a😀b", "👍🏽", "👨‍👩‍👧‍👦", "👩🏿‍🚀", "🏳️‍🌈", "🏴‍☠️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🇩🇪🇫🇷🇯🇵", "🇺", "❤️ ❤", "☺️☺︎", "1️⃣ #️⃣ *️⃣",
    "🤷🏻‍♀️ whatever", "(╯°□°）╯︵ ┻━┻", "¯\\_(ツ)_/¯", "ʕ•ᴥ•ʔ",
    "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience.",
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt.",
    "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison.",
    "Todos los seres humanos nacen libres e iguales en dignidad y derechos. ¿Qué? ¡Sí!",
    "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.", "كِتَابٌ مُحَمَّد ـــ", "تمام انسان آزاد اور حقوق و عزت",
    "כל בני אדם נולדו בני חורין ושווים בערכם ובזכויותיהם.", "שָׁלוֹם עֲלֵיכֶם",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।", "क्षत्रिय ज्ञान र्क श्री",
    "সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা", "மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே", "తెలుగు కన్నడ ಕನ್ನಡ മലയാളം ગુજરાતી ਪੰਜਾਬੀ",
    "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ", "ມະນຸດທຸກຄົນ ကျွန်ုပ် មនុស្ស བོད་སྐད།",
    "人人生而自由,在尊严和权利上一律平等。", "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.", "\u1112\u1161\u11ab\u1100\u1173\u11af 한글", "ㄱㄴㄷ ㅏㅑ",
    "漢字かな交じり文ﾊﾝｶｸ", "𠮷野家 𡈽 𩸽", "ᚠᚢᚦ 𓀀𓁐 𒀀 𐎀 ꙮ ⵣ ᏣᎳᎩ ᠮᠣᠩᠭᠣᠯ አማርኛ ქართული Հայերեն",
    "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋, α ∧ ¬β = ¬(¬α ∨ β)", "E = mc², x₁ + x₂ ≤ √2 ≈ 1.414", "€100 £50 ¥1000 ₹500 ₿1",
    "─│┌┐└┘ ▀▄█ ←↑→↓ ★☆♠♣♥♦ ✓✗ ©®™", "\u202eright to left\u202c", "\u2066iso\u2069 \u200e\u200f",
    "\ufffd\ufffd", "\ufdd0 \uffff \U0001fffe", "\ue000\uf8ff", "\U000f0000\U0010fffd", "\ufe0f\ufe0e\U000e0100",
    "supercalifragilisticexpialidocious antidisestablishmentarianism", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "abababababababababab", "                                ", "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!", "================",
    "--------------------------------", "________________________________", "1111111111111111111111111", "\n" * 40, "\t" * 17,
    SPECIAL, SPECIAL * 2, "a" + SPECIAL, SPECIAL + "a", "a" + SPECIAL + "b", " " + SPECIAL + " ", "a  " + SPECIAL + "  b",
    SPECIAL + " " + SPECIAL, "<|endoftext|", "<|endoftext|> <|endoftext", "|endoftext|>", "<<|endoftext|>>", "<|endoftext|<|endoftext|>",
    "<|EndOfText|>", "< |endoftext|>", "'s" + SPECIAL + "'s", "\n\n" + SPECIAL + "\n\n", "é" + SPECIAL + "é", "<|end" + SPECIAL + "oftext|>",
    "<", "<|", "<|e", "a<|endoftext|", "\x00" + SPECIAL + "\x00",
]


def load(folder, special):
    if os.path.exists(f"{folder}/tokenizer.json"):
        tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
        tokenizer.encode_special_tokens = not special
        return tokenizer
    tokenizer = Tokenizer(models.BPE.from_file(f"{folder}/vocab.json", f"{folder}/merges.txt"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if special:
        tokenizer.add_special_tokens([SPECIAL])
    return tokenizer


def train():
    """NFC, then bytes: as GPT-NeoX's, on the texts above."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=[SPECIAL, "<|padding|>"], show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def missing_bytes(tokenizer):
    """Those that a byte-level vocabulary has no token for. One of pieces has all here."""
    model = json.loads(tokenizer.to_str())["model"]
    if model["byte_fallback"]:
        assert all(f"<0x{byte:02X}>" in model["vocab"] for byte in range(256))
        return set()
    itself = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in itself]
    written = {byte: chr(byte) for byte in itself} | {byte: chr(0x100 + i) for i, byte in enumerate(others)}
    return {byte for byte in range(256) if written[byte] not in model["vocab"]}


MISSING = set()  # of the vocabulary at hand


def ids(tokenizer, texts):
    return [None if MISSING and MISSING & set(text.encode()) else e.ids
            for text, e in zip(texts, tokenizer.encode_batch(texts, add_special_tokens=False))]


def crc(lists, value=0):
    for tokens in lists:
        if tokens is None:
            value = zlib.crc32(struct.pack("<i", -1), value)
            continue
        value = zlib.crc32(struct.pack(f"<{len(tokens) + 1}i", len(tokens), *tokens), value)
    return value


def assigned():
    """Ranges [first, last] of the code points that Unicode 14 assigns, without surrogates."""
    ranges = []
    for code in range(0x110000):
        if unicodedata.category(chr(code)) in ("Cn", "Cs"):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges


def contexts(code):
    c = chr(code)
    return [c, f"a{c}b", f" {c}", f"{c}{c} {c}1", f"  {c}  '{c}s"]


def code_point_crcs(tokenizer, ranges):
    codes = [code for first, last in ranges for code in range(first, last + 1)]
    return [crc(ids(tokenizer, [t for code in codes[i:i + BLOCK] for t in contexts(code)]))
            for i in range(0, len(codes), BLOCK)]


class Random:
    """xorshift64: the same few lines in the test."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        x = self.state
        x ^= (x << 13) & 0xFFFFFFFFFFFFFFFF
        x ^= x >> 7
        x ^= (x << 17) & 0xFFFFFFFFFFFFFFFF
        self.state = x
        return x >> 33


def random_crcs(tokenizer, pool, seed):
    random = Random(seed)
    result = []
    for _ in range(GROUPS):
        texts = []
        for _ in range(GROUP):
            length = 1 + random.next() % 32
            texts.append("".join(chr(pool[random.next() % len(pool)]) for _ in range(length)))
        result.append(crc(ids(tokenizer, texts)))
    return result


def long_words(tokenizer):
    """Megabytes without a space: a repeated letter, random letters, digits, punctuation, others."""
    result = []
    for name, alphabet in [("one letter", "a"), ("letters", "abcdefghijklmnopqrstuvwxyz"), ("two letters", "ab"),
                           ("space", " "), ("digits", "0123456789"), ("signs", "!-=.*"), ("newlines", "\n"),
                           ("words", "etaoin shrdlu'\n"), ("kana", "あいうえおかき")]:
        random = Random(88172645463325252)
        count = MEGABYTE // len(alphabet[0].encode())
        text = "".join(alphabet[random.next() % len(alphabet)] for _ in range(count))
        tokens = ids(tokenizer, [text])[0]
        result.append({"name": name, "alphabet": alphabet, "letters": count, "crc": crc([tokens])})
    return result


def own_texts(tokenizer):
    """With the first tokens that mark something, and marks that a normaliser joins or leaves."""
    special = [token.content for _, token in sorted(tokenizer.get_added_tokens_decoder().items()) if token.special][:4]
    around = [t for s in special if s != SPECIAL for t in (s, s * 2, f"a{s}b", f" {s} ", f"a  {s}  b", f"{s} a", s[:-1])]
    joined = ["e\u0301\u0323", "\u0344", "\u212b\u2126", "\ufb2c", "\u1100\u1161\u11a8", "\U00011935\U00011930",
              "\U0001e2ae\u0301", "a\U0001e4ec\u0316", "\u0928\u093c", "\u0f73", "\u2adc", "\U0001d15e"]
    spaces = ["\u2581", " \u2581", "\u2581a", "a\u2581\u2581b", "<0x0A>", "<0x41>", "\n<unk>", "'S 'RE '\u017f '\u212a",
              "x'LL'Ve", "12345678", "a1b22c333", "  123  45", "\r\n\r\n  a", "a!!\n\nb", "a  !\r\n", "\t\n \n\ta"]
    return around + joined + spaces


def main():
    folder, out = sys.argv[1:]
    if unicodedata.unidata_version.split(".")[0] != "14":
        sys.exit(f"this Python knows Unicode {unicodedata.unidata_version}; use one with Unicode 14, such as 3.11")
    trained = train() if folder == "--train" else None
    tokenizer, plain = (trained, Tokenizer.from_str(trained.to_str())) if trained else (load(folder, True), load(folder, False))
    if trained:
        plain.encode_special_tokens = True
    MISSING.update(missing_bytes(tokenizer))
    texts = TEXTS + own_texts(tokenizer)
    ranges = assigned()
    every = [code for first, last in ranges for code in range(first, last + 1)]
    golden = {
        "made_by": f"tests/golden/make_tokenizer.py with tokenizers {tokenizers.__version__}, "
                   f"Unicode {unicodedata.unidata_version}",
        "count": tokenizer.get_vocab_size(),
        "exact": not json.loads(tokenizer.to_str())["normalizer"] and not json.loads(tokenizer.to_str())["model"]["byte_fallback"],
        "texts": [[text, tokens] for text, tokens in zip(texts, ids(tokenizer, texts))],
        "as_text": [[text, tokens] for text, tokens in zip(texts, ids(plain, texts)) if "<" in text],
        "assigned": ranges,
        "code_points": code_point_crcs(tokenizer, ranges),
        "pool": POOL,
        "random_pool": random_crcs(tokenizer, POOL, 2463534242),
        "random_every": random_crcs(tokenizer, every, 362436069),
        "long": long_words(tokenizer),
    }
    if trained:
        golden["tokenizer"] = json.loads(trained.to_str())
    with open(out, "w", encoding="ascii") as file:
        rows = [f" {json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in golden.items()]
        file.write("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    main()
