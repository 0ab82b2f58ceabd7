"""Reading `said`: quick where all is as declared; field by field where it is not, since one wrong field must not silence the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

Shape = TypeVar("Shape", bound=msgspec.Struct)


def reader(shape: type[Shape]) -> Callable[[str | None], Shape]:
    """A function that reads JSON as `shape`, of which all fields have defaults; a field of a wrong type counts as not said."""
    quick, hints, nothing = msgspec.json.Decoder(shape), {f.name: f.type for f in msgspec.structs.fields(shape)}, shape()

    def decode(said: str | None) -> Shape:
        if not said:
            return nothing
        try:
            return quick.decode(said)
        except msgspec.ValidationError:
            raw, good = msgspec.json.decode(said), {}
            for name, hint in hints.items() if isinstance(raw, dict) else ():
                try:
                    good[name] = msgspec.convert(raw[name], hint)
                except (KeyError, msgspec.ValidationError):
                    continue  # not said
            return shape(**good)

    return decode


