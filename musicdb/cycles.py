"""Work that makes hundreds of thousands of small objects, none of them in a circle: looking for circles would take a fifth to a third of the time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_cycles() -> Iterator[None]:
    """Python looks for no circles of objects until the end; nests."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
