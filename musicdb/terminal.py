"""What a terminal may be given: a title that a stranger wrote must not move the cursor, rename the window or turn a line round."""

from __future__ import annotations

import re

_CODES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""Return a text with the codes that a terminal obeys written out: ESC is "\x1b". Line feeds and tabs stay."""
    return _CODES.sub(lambda code: code[0].encode("unicode_escape").decode(), text)


def in_a_line(text: str) -> str:
    """The same for one cell or name, which must not begin a line of its own."""
    return visible(text).replace("\n", "\\n").replace("\t", " ")


def in_json(text: str) -> str:
    """The same for a JSON document, which stays the same document."""
    return _CODES.sub(lambda code: f"\\u{ord(code[0]):04x}", text)
