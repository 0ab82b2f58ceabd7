"""Fractional sort keys: between any two there is room for another, so inserting rewrites no other row. Pure.

A key is text of the digits 0-9A-Za-z, compared byte by byte; none ends in 0.
"""

from __future__ import annotations

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE = len(DIGITS)
WIDTH = 5  # 900 million appends before keys grow longer
START = "V0001"


def between(low: str | None, high: str | None) -> str:
    """A key after `low` and before `high`; None is the beginning or the end. Raises ValueError where low >= high."""
    if low is not None and high is not None and low >= high:
        raise ValueError(f"there is nothing between {low!r} and {high!r}")
    if low is None and high is None:
        return START
    if high is None:
        return _next(low or "")
    return (_before(high) if low is None else None) or _middle(low or "", high)


def spread(low: str | None, high: str | None, n: int) -> list[str]:
    """n keys in order between two, of about equal room."""
    if n <= 0:
        return []
    if high is None:
        keys = []
        for _ in range(n):
            low = between(low, None)
            keys.append(low)
        return keys
    middle = between(low, high)
    left = (n - 1) // 2
    return [*spread(low, middle, left), middle, *spread(middle, high, n - 1 - left)]


def _next(low: str) -> str:
    """Counting up at a fixed width: appending a thousand items makes no long keys."""
    number = _number(low) + 1
    number += number % BASE == 0  # no key ends in 0
    return _text(number) if number < BASE**WIDTH else low + "V"


def _before(high: str) -> str | None:
    """Counting down at a fixed width; None where that ends."""
    number = _number(high) - 1
    number -= number % BASE == 0
    return _text(number) if number > 0 else None


def _number(key: str) -> int:
    number = 0
    for digit in key[:WIDTH].ljust(WIDTH, "0"):
        number = number * BASE + DIGITS.index(digit)
    return number


def _text(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, BASE)
        text = DIGITS[digit] + text
    return text.rjust(WIDTH, "0")


def _middle(low: str, high: str) -> str:
    shared = 0
    while shared < len(high) and (low[shared] if shared < len(low) else "0") == high[shared]:
        shared += 1
    if shared:
        return high[:shared] + _middle(low[shared:], high[shared:])
    first = DIGITS.index(low[0]) if low else 0
    last = DIGITS.index(high[0]) if high else BASE
    if last - first > 1:
        return DIGITS[(first + last) // 2]
    if len(high) > 1:
        return high[0]
    return DIGITS[first] + _after(low[1:])


def _after(low: str) -> str:
    """Half way from `low` to the end."""
    if not low:
        return DIGITS[BASE // 2]
    first = DIGITS.index(low[0])
    if BASE - first > 1:
        return DIGITS[(first + BASE + 1) // 2] if first < BASE - 1 else low[0] + _after(low[1:])
    return low[0] + _after(low[1:])
