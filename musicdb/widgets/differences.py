"""Where two texts differ, as parts to be marked inside the text. Pure."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from ..text import norm

Parts = list[tuple[str, bool]]
LONGEST = 400  # characters that are compared; what is longer differs as a whole or not at all
WORDS = re.compile(r"\w+|\W", re.UNICODE)


def values(a: str, b: str) -> tuple[Parts, Parts]:
    """([(text, differs)] of a, of b): the words that differ are marked. Case, accents and punctuation are no difference to mark."""
    if not a or not b or a == b or norm(a) == norm(b):
        return [(a, False)], [(b, False)]
    if max(len(a), len(b)) > LONGEST:
        return [(a, True)], [(b, True)]
    left, right = WORDS.findall(a), WORDS.findall(b)
    same = SequenceMatcher(None, [norm(w) or w for w in left], [norm(w) or w for w in right], autojunk=False)
    one: Parts = []
    two: Parts = []
    for kind, i, j, k, m in same.get_opcodes():
        _add(one, "".join(left[i:j]), kind != "equal")
        _add(two, "".join(right[k:m]), kind != "equal")
    return _joined(one), _joined(two)


def _joined(parts: Parts) -> Parts:
    """A space between two marked words is marked too, so that they read as one difference."""
    out: Parts = []
    for n, (text, differs) in enumerate(parts):
        between = not text.strip() and 0 < n < len(parts) - 1 and parts[n - 1][1] and parts[n + 1][1]
        if out and out[-1][1] == (differs or between):
            out[-1] = (out[-1][0] + text, out[-1][1])
        else:
            out.append((text, differs or between))
    return out


def _add(parts: Parts, text: str, differs: bool) -> None:
    if not text:
        return
    differs = differs and bool(text.strip())
    if parts and parts[-1][1] == differs:
        parts[-1] = (parts[-1][0] + text, differs)
    else:
        parts.append((text, differs))
