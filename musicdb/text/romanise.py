"""Latin letters for Cyrillic, Greek, kana and Hangul, so that two spellings of one name can be compared. For matching only, never shown.

Chinese characters stay: their reading is not in the text. Pure; no function raises for any text.
"""

from __future__ import annotations

from functools import lru_cache

_CYRILLIC = dict(zip(
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўјљњћђџѓќѕ",
    "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch . y . e yu ya i i e g u j lj nj c d dz g k dz".split(),
))  # fmt: skip
_GREEK = dict(zip("αβγδεζηθικλμνξοπρσςτυφχψω", "a v g d e z i th i k l m n x o p r s s t y f ch ps o".split()))
_ROWS = {
    "": "アイウエオ", "k": "カキクケコ", "g": "ガギグゲゴ", "s": "サシスセソ", "z": "ザジズゼゾ", "t": "タチツテト", "d": "ダヂヅデド",
    "n": "ナニヌネノ", "h": "ハヒフヘホ", "b": "バビブベボ", "p": "パピプペポ", "m": "マミムメモ", "r": "ラリルレロ",
}  # fmt: skip
_KANA = {kana: row + vowel for row, line in _ROWS.items() for kana, vowel in zip(line, "aiueo")} | {
    "シ": "shi", "ジ": "ji", "チ": "chi", "ツ": "tsu", "ヂ": "ji", "ヅ": "zu", "フ": "fu", "ヤ": "ya", "ユ": "yu", "ヨ": "yo", "ワ": "wa",
    "ヲ": "o", "ン": "n", "ヴ": "vu", "ァ": "a", "ィ": "i", "ゥ": "u", "ェ": "e", "ォ": "o",
}  # fmt: skip
_SMALL = {"ャ": "a", "ュ": "u", "ョ": "o"}
_LEAD = "g kk n d tt r m b pp s ss  j jj ch k t p h".split(" ")
_VOWEL = "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i".split()
_TAIL = " k k k n n n t l k m p l l p l m p p t t ng t t k t p t".split(" ")


@lru_cache(65536)
def romanise(text: str) -> str:
    """Return text in Latin letters where a table knows them: "Белая ночь" -> "belaya noch", "カラオケ" -> "karaoke". Lower case in.

    What no table knows stays as it is; romanise(romanise(x)) == romanise(x).
    """
    if text.isascii():
        return text
    out: list[str] = []
    doubled = False
    for c in text:
        kana = chr(ord(c) + 96) if "ぁ" <= c <= "ゖ" else c
        if c in _CYRILLIC:
            latin = _CYRILLIC[c].replace(".", "")
        elif c in _GREEK:
            latin = _GREEK[c]
        elif kana == "ッ":
            doubled = True
            continue
        elif kana in _SMALL and out and out[-1][-1:] == "i":
            glide = "" if out[-1][:-1] in ("sh", "ch", "j") else "y"
            out[-1] = out[-1][:-1] + glide + _SMALL[kana]
            continue
        elif kana in "ァィェォ" and out and len(out[-1]) > 1 and out[-1][-1] in "ui":
            out[-1] = out[-1][:-1] + _KANA[kana]  # "fu" + small "a" is "fa"
            continue
        elif kana in _KANA or kana in _SMALL:
            latin = _KANA.get(kana) or "y" + _SMALL[kana]
        elif c == "ー":
            continue
        elif "가" <= c <= "힣":
            n = ord(c) - 0xAC00
            latin = _LEAD[n // 588] + _VOWEL[n % 588 // 28] + _TAIL[n % 28]
        else:
            latin = c
        out.append((latin[:1] if doubled and latin[:1].isalpha() else "") + latin)
        doubled = False
    return "".join(out)
