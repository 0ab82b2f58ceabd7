"""Reads large XML of other programs piece by piece. Refuses what those programs do not write: entities, endless elements, endless depth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import BadInput, UnknownSource

MAX_BYTES = 1 << 30  # a library of 100,000 tracks is some 200 MB
MAX_ELEMENT_BYTES = 16 << 20  # between two elements: one huge attribute or text would fill the memory
MAX_DEPTH = 100


class _Capped:
    """A file that is no longer than it said, and has an element every so many bytes."""

    def __init__(self, file, path: Path, program: str):
        self.file, self.path, self.program, self.total, self.since_element = file, path, program, 0, 0

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.total += len(data)
        self.since_element += len(data)
        if self.total > MAX_BYTES or self.since_element > MAX_ELEMENT_BYTES:
            raise BadInput(f"{self.path} has an element of more than {MAX_ELEMENT_BYTES >> 20} MiB: not from {self.program}")
        return data


def events(path: Path, program: str, export: str) -> Iterator:
    """Yield ("start" or "end", element) as `iterparse` does; the caller removes elements it has read.

    program: who writes such files; export: how to get a good one. Raises UnknownSource for what is no XML, BadInput for entities, damage,
    or more than MAX_DEPTH levels.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    depth = seen = 0
    try:
        with path.open("rb") as file:
            capped = _Capped(file, path, program)
            for event, element in iterparse(capped, ("start", "end")):
                capped.since_element = 0
                depth += 1 if event == "start" else -1
                seen = 1
                if depth > MAX_DEPTH:
                    raise BadInput(f"{path} is nested more than {MAX_DEPTH} deep: not from {program}")
                yield event, element
    except DefusedXmlException as error:
        raise BadInput(f"{path} declares XML entities ({type(error).__name__}): not from {program}") from error
    except (ParseError, UnicodeError, LookupError, ValueError) as error:  # LookupError: an encoding that does not exist
        if not seen:
            raise UnknownSource(f"{path} is no XML ({error}); {export}") from error
        raise BadInput(f"{path} breaks off or is damaged ({error}); export it again") from error


def whole(path: Path, end: bytes, export: str) -> None:
    """Raise BadInput where the end of the root element is missing: of a file that was cut off nothing is to be imported."""
    with path.open("rb") as file:
        head = file.read(2)
        file.seek(max(0, path.stat().st_size - 4096))
        if head not in (b"\xff\xfe", b"\xfe\xff") and end not in file.read():
            raise BadInput(f"{path} is cut off: its end is missing; {export}")


def checked(path: Path, what: str) -> None:
    """Raise BadInput for a path that is missing, no file, or larger than any library."""
    try:
        if not path.is_file():
            raise BadInput(f"{path} {'is no regular file' if path.exists() else 'does not exist'}; {what}")
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}; {what}") from error
    if not size:
        raise UnknownSource(f"{path} is empty; {what}")
    if size > MAX_BYTES:
        raise BadInput(f"{path} has {size >> 20} MiB; more than {MAX_BYTES >> 20} MiB are not read")
