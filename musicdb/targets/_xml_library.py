"""A Rekordbox XML taken apart just so far that lists and marks can be changed: all bytes that are not changed stay as they were. Pure.

Source: rekordbox XML format list (AlphaTheta).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from ..errors import BadInput, UnknownSource
from ..platforms._places import external_id_of
from ..platforms._rekordbox_xml import OTHER_XML

MAX_DEPTH = 100
EMPTY = b'<?xml version="1.0" encoding="UTF-8"?>\n\n<DJ_PLAYLISTS Version="1.0.0">\n  <PRODUCT Name="musicdb" Version="1" Company=""/>\n  <COLLECTION Entries="0">\n' \
        b'  </COLLECTION>\n  <PLAYLISTS>\n    <NODE Type="0" Name="ROOT" Count="0">\n    </NODE>\n  </PLAYLISTS>\n</DJ_PLAYLISTS>\n'  # fmt: skip
START = re.compile(rb"""<[^>"']*(?:"[^"]*"[^>"']*|'[^']*'[^>"']*)*>""")
ATTRIBUTE = re.compile(rb"""([\w:.-]+)(\s*=\s*)("[^"]*"|'[^']*')""")
MARK = re.compile(r"musicdb:([\w-]{1,64})")  # a comment in a list says that it is ours, and which: other programs overlook it
Span = tuple[int, int]


@dataclass(eq=False)
class Node:
    """A list or folder. inner: what it holds, in order: nodes, and elements of others as they stand. keys: of a list's tracks. mark: its id,
    where it is ours. place: what the importer calls it. span: its bytes; None where it is new."""

    attributes: dict[str, str]
    span: Span | None = None
    inner: list[Node | bytes] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    mark: str | None = None
    place: str = ""
    was: Any = None

    @property
    def name(self) -> str:
        return self.attributes.get("Name", "")

    @property
    def is_folder(self) -> bool:
        return self.attributes.get("Type") == "0"

    def nodes(self) -> list[Node]:
        """What it holds, without elements of others."""
        return [one for one in self.inner if isinstance(one, Node)]

    def said(self) -> tuple:
        return dict(self.attributes), tuple(self.keys), self.mark, [one if isinstance(one, bytes) else id(one) for one in self.inner]

    def same(self) -> bool:
        """Whether it and all that it holds is as it was read."""
        return self.span is not None and self.was == self.said() and all(one.same() for one in self.nodes())


@dataclass
class Track:
    """A TRACK of the collection: where it begins, its Location and Rating (0 to 255) as sent, how many cues it has."""

    start: int
    location: str
    rating: str
    cues: int = 0


@dataclass
class Library:
    """tracks by TrackID (the first of a number), root of the lists (None: there is none), and where to write what is new."""

    data: bytes
    tracks: dict[str, Track] = field(default_factory=dict)
    by_location: dict[str, str] = field(default_factory=dict)
    root: Node | None = None
    collection: Span | None = None  # start tag
    end: dict[str, int] = field(default_factory=dict)  # where the end tags of COLLECTION and DJ_PLAYLISTS begin


class _Reader:
    """expat's events to a Library."""

    def __init__(self, data: bytes, path: Path):
        self.path, self.found, self.stack = path, Library(data), []
        self.open: list[Node] = []
        self.places: set[str] = set()
        self.track: Track | None = None
        self.parser = p = expat.ParserCreate()
        p.StartElementHandler, p.EndElementHandler, p.CommentHandler = self.start, self.ended, self.comment
        p.XmlDeclHandler, p.StartDoctypeDeclHandler = self.declared, self.refused

    def refused(self, *_: Any) -> None:
        raise BadInput(f"{self.path} declares XML entities: not from Rekordbox")

    def declared(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding and encoding.casefold() not in ("utf-8", "us-ascii"):
            raise BadInput(f"{self.path} is written in {encoding}; Rekordbox writes UTF-8: export it again")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        at = self.parser.CurrentByteIndex
        if not self.stack and tag != "DJ_PLAYLISTS":
            raise UnknownSource(f"{self.path} is {OTHER_XML.get(tag, f'an XML of another kind (<{tag[:40]}>)')}; it is not written")
        parent = self.stack[-1][0] if self.stack else None
        self.stack.append((tag, at))
        if len(self.stack) > MAX_DEPTH:
            raise BadInput(f"{self.path} is nested more than {MAX_DEPTH} deep: not from Rekordbox")
        if tag == "COLLECTION":
            self.found.collection = (at, tag_end(self.found.data, at))
        elif tag == "TRACK" and parent == "COLLECTION":
            self.track = Track(at, attributes.get("Location", ""), attributes.get("Rating", ""))
            if (number := attributes.get("TrackID", "").strip()) and number not in self.found.tracks:
                self.found.tracks[number] = self.track
                self.found.by_location.setdefault(self.track.location, number)
        elif tag == "POSITION_MARK" and parent == "TRACK" and self.track:
            self.track.cues += 1
        elif tag == "TRACK" and parent == "NODE":
            self.open[-1].keys.append(attributes.get("Key", "").strip())
        elif tag == "NODE" and parent in ("PLAYLISTS", "NODE"):
            self._node(attributes, at)

    def _node(self, attributes: dict[str, str], at: int) -> None:
        one = Node(dict(attributes), (at, at))
        if not self.open and one.is_folder and one.name.upper() == "ROOT" and self.found.root is None:
            self.found.root = one
        else:
            one.place = external_id_of(one.name, (self.open[-1].place or None) if self.open else None, self.places)
            self.places.add(one.place)
            if self.open:
                self.open[-1].inner.append(one)
        self.open.append(one)

    def comment(self, text: str) -> None:
        if self.open and (found := MARK.fullmatch(text.strip())):
            self.open[-1].mark = found[1]

    def ended(self, tag: str) -> None:
        _, began = self.stack.pop()
        if tag not in ("COLLECTION", "DJ_PLAYLISTS", "NODE") and (tag == "TRACK" or not self.stack or self.stack[-1][0] != "NODE"):
            return
        at, end = began, tag_end(self.found.data, began)
        if self.found.data[end - 2 : end] != b"/>":  # of an empty element expat tells another place
            at = self.parser.CurrentByteIndex
            end = tag_end(self.found.data, at)
        if tag in ("COLLECTION", "DJ_PLAYLISTS"):
            self.found.end[tag] = at
        elif tag == "NODE" and self.open and self.open[-1].span == (began, began):
            one = self.open.pop()
            one.span, one.was = (began, end), one.said()
        elif self.open and self.stack[-1][0] == "NODE":
            self.open[-1].inner.append(self.found.data[began:end])


def tag_end(data: bytes, at: int) -> int:
    """Where the tag that begins at `at` ends; a ">" in a value ends none."""
    found = START.match(data, at)
    return found.end() if found else at


def parse(data: bytes, path: Path) -> Library:
    """Take a file apart. Raises UnknownSource for another kind of file, BadInput for what is hostile, damaged or cut off."""
    reader = _Reader(data, path)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadInput(f"{path} is written in UTF-16; Rekordbox writes UTF-8: export it again")
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise (BadInput if reader.stack else UnknownSource)(f"{path} breaks off or is damaged ({error}): nothing is written into it") from error
    if "COLLECTION" not in reader.found.end:
        raise BadInput(f"{path} has no collection of tracks: export it again")
    return reader.found


def from_the_top(nodes: Iterable[Node]) -> Iterator[tuple[Node, Node | None]]:
    """(node, the node that holds it; None at the top), folders before what they hold."""
    todo: list[tuple[Node, Node | None]] = [(one, None) for one in nodes]
    while todo:
        one, above = todo.pop(0)
        yield one, above
        todo = [(inner, one) for inner in one.nodes()] + todo


def render(library: Library, new: Iterable[str], changed: Mapping[int, bytes]) -> bytes:
    """The file with `new` tracks (lines), tracks in place of those that begin at `changed`, and its lists as `root` has them now."""
    data, edits = library.data, []
    added = "".join(new).encode("utf-8", "surrogateescape")
    if added and library.collection:
        start, end = library.collection
        n = len(library.tracks) + added.count(b"<TRACK ")
        tag = _with(data[start:end], {"Entries": str(n)})
        if library.end["COLLECTION"] == start:  # <COLLECTION/>
            edits.append((start, end, tag.rstrip(b"/> \n") + b">\n" + added + b"  </COLLECTION>"))
        else:
            edits += [(start, end, tag), (_line(data, library.end["COLLECTION"]), None, added)]
    edits += [(start, _element_end(data, start), text) for start, text in changed.items()]
    root = library.root
    if root is not None and not root.same():
        text = "".join(_node(root, data, "    ")).strip().encode()
        if root.span is not None:
            edits.append((*root.span, text))
        else:
            edits.append((_line(data, library.end["DJ_PLAYLISTS"]), None, b"  <PLAYLISTS>\n    " + text + b"\n  </PLAYLISTS>\n"))
    pieces, at = [], 0
    for start, end, text in sorted(edits, key=lambda edit: edit[0]):
        pieces += [data[at:start], text]
        at = start if end is None else end
    return b"".join([*pieces, data[at:]])


def _line(data: bytes, at: int) -> int:
    """Where the line of an end tag begins, if only blanks stand before it."""
    begin = data.rfind(b"\n", 0, at) + 1
    return begin if not data[begin:at].strip() else at


def _node(one: Node, data: bytes, pad: str) -> Iterator[str]:
    if one.same() and one.span:
        yield f"{pad}{data[one.span[0] : one.span[1]].decode()}\n"
        return
    nodes = one.nodes()
    count = {"Count": str(len(nodes))} if one.is_folder else {"Entries": str(len(one.keys))}
    yield f"{pad}<NODE {written(one.attributes | count)}>\n"
    if one.mark:
        yield f"{pad}  <!--musicdb:{one.mark}-->\n"
    for inner in one.inner:
        if isinstance(inner, Node):
            yield from _node(inner, data, pad + "  ")
        else:
            yield f"{pad}  {inner.decode()}\n"
    for key in one.keys:
        yield f"{pad}  <TRACK Key={quoteattr(key)}/>\n"
    yield f"{pad}</NODE>\n"


def written(attributes: Mapping[str, str]) -> str:
    """Attributes as they stand in a tag."""
    return " ".join(f"{name}={quoteattr(legal(value))}" for name, value in attributes.items())


def legal(value: str) -> str:
    """Text without what XML 1.0 cannot hold."""
    return "".join(c for c in value if c in "\t\n\r" or "\x20" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000")


# ---------- what is said of a track
def _with(tag: bytes, values: Mapping[str, str]) -> bytes:
    """A start tag with other values; what it has not is put at its end."""
    left = dict(values)

    def put(found: re.Match[bytes]) -> bytes:
        name = found[1].decode()
        return found[1] + found[2] + quoteattr(legal(left.pop(name))).encode() if name in left else found[0]

    tag = ATTRIBUTE.sub(put, tag)
    if left:
        end = 2 if tag.endswith(b"/>") else 1
        tag = tag[:-end].rstrip() + f" {written(left)}".encode() + tag[-end:]
    return tag


def _element_end(data: bytes, start: int) -> int:
    end = tag_end(data, start)
    return end if data[end - 2 : end] == b"/>" else tag_end(data, data.index(b"</TRACK", end))


def cues(data: bytes, track: Track) -> list[dict[str, str]]:
    """Attributes of a TRACK's POSITION_MARKs."""
    from defusedxml.ElementTree import fromstring

    return [dict(one.attrib) for one in fromstring(data[track.start : _element_end(data, track.start)]).iter("POSITION_MARK")]


def marked(data: bytes, track: Track, *, rating: int | None = None, cues: Iterable[str] | None = None) -> bytes:
    """A TRACK's bytes with another rating (0 to 255) or other POSITION_MARKs (attributes of each); tempo and all else stay."""
    end = tag_end(data, track.start)
    tag, rest = data[track.start : end], data[end : _element_end(data, track.start)]
    if rating is not None:
        tag = _with(tag, {"Rating": str(rating)})
    if cues is None:
        return tag + rest
    lines = "".join(f"      <POSITION_MARK {one}/>\n" for one in cues).encode()
    if not rest:
        return tag if not lines else tag[:-2].rstrip() + b">\n" + lines + b"    </TRACK>"
    kept, at = [], 0
    for found in re.finditer(rb"""\s*<POSITION_MARK\b(?:[^>"']|"[^"]*"|'[^']*')*(?:/>|>\s*</POSITION_MARK\s*>)""", rest):
        kept.append(rest[at : found.start()])
        at = found.end()
    inner = b"".join(kept) + rest[at:]
    cut = inner.rindex(b"</TRACK")
    return tag + inner[:cut].rstrip() + b"\n" + lines + b"    " + inner[cut:]
