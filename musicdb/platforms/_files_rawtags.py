"""Raw tags of every family as JSON, and the pictures among them. Runs in the worker, on what mutagen parsed; imports nothing of musicdb but hashes."""

from __future__ import annotations

import base64
import math
from typing import Any, BinaryIO

import xxhash

from . import _files_audiohash as audiohash

MAX_TEXT = 65_536  # characters of one value
MAX_TAGS = 2_000_000  # characters of all tags of a file
MAX_VALUES = 2_000  # values of one tag, and tags of one file
MAX_COVER = 20_000_000  # bytes
_FAMILIES = {"ID3Tags": "id3", "VComment": "vorbis", "MP4Tags": "mp4", "ASFTags": "asf", "APEv2": "ape"}
_IMAGES = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG", "image/png"), (b"GIF8", "image/gif"), (b"RIFF", "image/webp"))


def family_of(tags: Any) -> str | None:
    """id3, vorbis, mp4, asf, ape, or None where there are no tags."""
    return next((_FAMILIES[cls.__name__] for cls in type(tags).__mro__ if cls.__name__ in _FAMILIES), None)


def raw(family: str | None, tags: Any, room: list[int]) -> tuple[dict[str, list], list[tuple[dict[str, Any], bytes]]]:
    """({key: [values]}, pictures as (about, bytes)) of a mutagen tag object. room: how many characters may still come, in a list."""
    values: dict[str, list] = {}
    pictures: list[tuple[dict[str, Any], bytes]] = []
    for key, value in list(_items(family, tags))[:MAX_VALUES]:
        found = _picture(family, key, value)
        if found is not None:
            pictures.append(found)
        else:
            value = plain(value, room)
            several = value if family in ("id3", "ape") and isinstance(value, list) else [value]
            values.setdefault(_text(key)[:200], []).extend(several)
    return values, pictures


def _items(family: str | None, tags: Any):
    """(key, value) as they are written; keys may come again."""
    if family == "id3":
        for key, frame in tags.items():
            yield (f"PRIV:{frame.owner}" if frame.FrameID == "PRIV" else key), frame
    elif family in ("vorbis", "asf"):
        yield from list.__iter__(tags)  # as a mapping they come in another order each time
    elif family is not None:
        for key, values in tags.items():
            for value in values if isinstance(values, list) and family == "mp4" else [values]:
                yield key, value


def plain(value: Any, room: list[int]) -> Any:
    """A tag's value as JSON."""
    if isinstance(value, str):
        return _capped(_text(value), room)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**63 else hex(value)[:1000]  # ID3 counters have any length
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray):
        if type(value).__name__ == "MP4FreeForm" and value.dataformat in (0, 1):
            try:
                return _capped(bytes(value).decode("utf-8"), room)
            except UnicodeDecodeError:
                return _binary(value)
        return _binary(value)
    if isinstance(value, list | tuple):
        return [plain(each, room) for each in value[:MAX_VALUES]]
    if hasattr(value, "_framespec"):
        return _frame(value, room)
    kind = type(value).__name__
    if kind == "APETextValue":
        return [_capped(_text(text), room) for text in str(value).split("\0")[:MAX_VALUES]]
    if hasattr(value, "value"):  # ASF attributes, APE's other values
        return plain(value.value, room)
    return _capped(_text(str(value)), room)  # ID3 time stamps


def _frame(frame: Any, room: list[int]) -> Any:
    """An ID3 frame: the texts of a text frame; for any other its fields."""
    names = [spec.name for spec in (*frame._framespec, *frame._optionalspec)]
    if "text" in names and frame.FrameID not in ("SYLT",):
        texts = frame.text if isinstance(frame.text, list) else [frame.text]
        return [plain(str(text) if not isinstance(text, str) else text, room) for text in texts[:MAX_VALUES]]
    if names[-1:] == ["url"]:
        return [plain(frame.url, room)]
    if frame.FrameID == "UFID" and frame.data.isascii():  # an identifier, MusicBrainz' for one
        return [frame.data.decode()]
    return [{name: plain(getattr(frame, name, None), room) for name in names if name != "encoding"}]


def _capped(text: str, room: list[int]) -> Any:
    room[0] -= min(len(text), MAX_TEXT)
    if len(text) <= MAX_TEXT and room[0] >= 0:
        return text
    return {"text": text[:1000], "characters": len(text), "xxh3": xxhash.xxh3_128_hexdigest(text.encode())}


def _text(text: Any) -> str:
    """Text that can be stored: a lone surrogate becomes \\udcXX."""
    text = str(text)
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()


def _binary(data: bytes) -> dict[str, Any]:
    return {"size": len(data), "xxh3": xxhash.xxh3_128_hexdigest(bytes(data))}


def riff_info(file: BinaryIO, size: int, room: list[int]) -> dict[str, list]:
    """The LIST INFO chunk of a WAV file, as {"INAM": [title], ...}; mutagen does not read it."""
    found: dict[str, list] = {}
    for name, start, end in audiohash.chunks(file, size):
        if name != b"LIST" or end - start > MAX_TAGS:
            continue
        file.seek(start)
        data = file.read(end - start)
        offset = 4 if data[:4] == b"INFO" else len(data)
        while offset + 8 <= len(data) and len(found) < MAX_VALUES:
            length = int.from_bytes(data[offset + 4 : offset + 8], "little")
            text = data[offset + 8 : offset + 8 + length].split(b"\0")[0]
            try:
                text = text.decode("utf-8")
            except UnicodeDecodeError:
                text = text.decode("cp1252", "replace")
            key = data[offset : offset + 4].decode("ascii", "replace")
            found.setdefault(key, []).append(_capped(text, room))
            offset += 8 + length + (length & 1)
    return found


# ---------- pictures
def _picture(family: str | None, key: str, value: Any) -> tuple[dict[str, Any], bytes] | None:
    """(about, bytes) where the tag holds a picture."""
    if family == "id3":
        if value.FrameID in ("APIC", "PIC") and value.mime != "-->":
            return described(int(value.type), value.desc, value.data)
    elif family == "vorbis":
        if key.lower() in ("metadata_block_picture", "coverart"):
            return _base64_picture(key.lower(), value)
    elif family == "mp4":
        if key == "covr":
            return described(None, "", bytes(value))
    elif family == "ape":
        if key.lower().startswith("cover art") and type(value).__name__ == "APEBinaryValue":
            name, _, data = value.value.partition(b"\0")
            number = 3 if "front" in key.lower() else 4 if "back" in key.lower() else 0
            return described(number, name.decode("utf-8", "replace"), data)
    elif family == "asf" and key == "WM/Picture" and isinstance(value.value, bytes):
        return _asf_picture(value.value)
    return None


def described(number: int | None, description: str, data: bytes) -> tuple[dict[str, Any], bytes]:
    mime = next((mime for magic, mime in _IMAGES if data.startswith(magic)), None)
    return {"type": number, "mime": mime, "description": _text(description)[:500], **_binary(data)}, data


def _base64_picture(key: str, text: str) -> tuple[dict[str, Any], bytes] | None:
    from mutagen.flac import Picture

    try:
        data = base64.b64decode(text)
        if key == "coverart":
            return described(None, "", data)
        picture = Picture(data)
    except Exception:  # no picture: the text stays a tag
        return None
    return described(picture.type, picture.desc, picture.data)


def _asf_picture(data: bytes) -> tuple[dict[str, Any], bytes] | None:
    """Type, size, then mime type and description as UTF-16 with a zero at the end, then the picture."""
    texts, offset = [], 5
    while len(texts) < 2:
        end = offset
        while data[end : end + 2] not in (b"\0\0", b""):
            end += 2
            if end - offset > 2000:
                return None
        texts.append(data[offset:end].decode("utf-16-le", "replace"))
        offset = end + 2
    return described(data[0], texts[1], data[offset:]) if len(data) > offset else None


def best(pictures: list[tuple[dict[str, Any], bytes]]) -> int | None:
    """Place of the cover: a front cover before one of no known type before any other, the larger first; never an icon."""
    order = {3: 3, None: 2, 0: 2, 1: 0, 2: 0}
    usable = [
        (order.get(about["type"], 1), about["size"], -place)
        for place, (about, _) in enumerate(pictures)
        if about["mime"] and about["size"] <= MAX_COVER and order.get(about["type"], 1)
    ]
    return -max(usable)[2] if usable else None
