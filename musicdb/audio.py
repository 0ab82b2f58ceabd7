"""Reads one audio file with mutagen: what it is, every raw tag as JSON, its pictures, its hashes. Runs in a worker process.

Source: mutagen 1.48, by class where the first bytes say what the file is, whatever its name.
"""

from __future__ import annotations

import base64
import importlib
import io
import math
import os
import re
import stat
from typing import Any

import xxhash

from . import audiohash
from .errors import PayloadError

__all__ = ["EXTENSIONS", "MAGIC_BYTES", "hash_audio", "kind_of", "read"]

MAX_READ = 64 << 20  # bytes at once: what a tag may claim
MAX_TEXT = 65_536  # characters of one value
MAX_TAGS = 2_000_000  # characters of all tags of a file
MAX_VALUES = 2_000  # values of one tag, and tags of one file
MAX_COVER = 20_000_000  # bytes

CLASSES = {  # kind -> (module of mutagen, class, what people call it)
    "mp3": ("mp3", "MP3", "MP3"),
    "flac": ("flac", "FLAC", "FLAC"),
    "mp4": ("mp4", "MP4", "MP4"),
    "vorbis": ("oggvorbis", "OggVorbis", "Ogg Vorbis"),
    "opus": ("oggopus", "OggOpus", "Opus"),
    "speex": ("oggspeex", "OggSpeex", "Speex"),
    "oggflac": ("oggflac", "OggFLAC", "Ogg FLAC"),
    "theora": ("oggtheora", "OggTheora", "Ogg Theora"),
    "wav": ("wave", "WAVE", "WAV"),
    "aiff": ("aiff", "AIFF", "AIFF"),
    "asf": ("asf", "ASF", "WMA"),
    "ape": ("monkeysaudio", "MonkeysAudio", "Monkey's Audio"),
    "wavpack": ("wavpack", "WavPack", "WavPack"),
    "musepack": ("musepack", "Musepack", "Musepack"),
    "dsf": ("dsf", "DSF", "DSF"),
    "dsdiff": ("dsdiff", "DSDIFF", "DSDIFF"),
    "tta": ("trueaudio", "TrueAudio", "TTA"),
    "tak": ("tak", "TAK", "TAK"),
    "optimfrog": ("optimfrog", "OptimFROG", "OptimFROG"),
    "ac3": ("ac3", "AC3", "AC-3"),
    "aac": ("aac", "AAC", "AAC"),
    "midi": ("smf", "SMF", "MIDI"),
}
EXTENSIONS = {  # a name is believed only where the first bytes say nothing
    **dict.fromkeys(("mp3", "mp2", "mp1", "mpga", "mpeg3"), "mp3"),
    **dict.fromkeys(("flac", "fla"), "flac"),
    **dict.fromkeys(("m4a", "m4b", "m4p", "m4r", "m4v", "mp4", "3gp", "3g2", "alac", "mov"), "mp4"),
    **dict.fromkeys(("ogg", "oga", "ogx"), "vorbis"),
    **dict.fromkeys(("wav", "wave", "bwf", "rf64"), "wav"),
    **dict.fromkeys(("aif", "aiff", "aifc"), "aiff"),
    **dict.fromkeys(("wma", "wmv", "asf"), "asf"),
    **dict.fromkeys(("mpc", "mpp", "mp+"), "musepack"),
    **dict.fromkeys(("ofr", "ofs"), "optimfrog"),
    **dict.fromkeys(("ac3", "eac3", "ec3"), "ac3"),
    **dict.fromkeys(("aac", "adts", "adif"), "aac"),
    **dict.fromkeys(("mid", "midi", "kar"), "midi"),
    **{"opus": "opus", "spx": "speex", "ogv": "theora", "ape": "ape", "wv": "wavpack", "dsf": "dsf", "dff": "dsdiff"},
    **{"tta": "tta", "tak": "tak"},
}
MAGIC_BYTES = 64
_MAGIC = {  # the first four bytes -> (offset, bytes, kind) of which the first that fits decides
    b"fLaC": ((0, b"", "flac"),),
    b"OggS": (
        (28, b"OpusHead", "opus"), (28, b"Speex   ", "speex"), (28, b"\x7fFLAC", "oggflac"), (28, b"\x80theora", "theora"), (0, b"", "vorbis"),
    ),  # fmt: skip
    b"RIFF": ((8, b"WAVE", "wav"),),
    b"RF64": ((8, b"WAVE", "wav"),),
    b"FORM": ((8, b"AIF", "aiff"),),
    b"\x30\x26\xb2\x75": ((4, b"\x8e\x66\xcf\x11", "asf"),),
    b"MAC ": ((0, b"", "ape"),),
    b"wvpk": ((0, b"", "wavpack"),),
    b"MPCK": ((0, b"", "musepack"),),
    b"DSD ": ((0, b"", "dsf"),),
    b"FRM8": ((0, b"", "dsdiff"),),
    b"TTA1": ((0, b"", "tta"),),
    b"tBaK": ((0, b"", "tak"),),
    b"OFR ": ((0, b"", "optimfrog"),),
    b"MThd": ((0, b"", "midi"),),
}
_SHORT = {b"ID3": "id3", b"MP+": "musepack", b"\xff\xfb": "mp3", b"\xff\xfa": "mp3", b"\xff\xf3": "mp3", b"\xff\xf1": "aac", b"\xff\xf9": "aac"}
_FAMILIES = {"ID3Tags": "id3", "VComment": "vorbis", "MP4Tags": "mp4", "ASFTags": "asf", "APEv2": "ape"}
_INFO = ("length", "bitrate", "sample_rate", "channels", "bits_per_sample", "bitrate_mode")
_IMAGES = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG", "image/png"), (b"GIF8", "image/gif"), (b"RIFF", "image/webp"))


class _Reader(io.BufferedReader):
    """A file of which nobody reads more at once than MAX_READ: a tag may claim 256 MB of a sparse file."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= MAX_READ:
            rest = max(0, os.fstat(self.fileno()).st_size - self.tell())
            size = rest if size is None or size < 0 else min(size, rest)  # asked for 4 GB, it would take 4 GB first
            if size > MAX_READ:
                raise PayloadError(f"a tag claims {size:,} bytes")
        return super().read(size)


def read(path: bytes | str, images: bool = True, verify: bool = False) -> dict[str, Any]:
    """Everything that a file says of itself, as JSON but for `cover_data`: the bytes of its cover, or None.

    size, mtime_ns, ctime_ns, inode; format; info (length in s, bitrate in bit/s, ...); tag_format id3, vorbis, mp4, asf, ape or None, with
    tag_version; tags {key: [values]}: binary values as {size, xxh3}, texts over MAX_TEXT as {text (its start), characters, xxh3};
    pictures [{type (ID3's number), mime, description, size, xxh3}] and cover, the place of the best of them; window_hash; with verify
    also audio_hash and file_hash. Raises PayloadError with the reason.
    """
    try:
        file = _open(path)
    except OSError as error:
        raise PayloadError(f"cannot be opened: {error.strerror or error}") from None
    try:
        with file:
            before = os.fstat(file.fileno())
            if before.st_size == 0:
                raise PayloadError("is empty (0 bytes)")
            suffix = os.fsdecode(path).rpartition(".")[2].lower()
            answer = _read(file, suffix, before.st_size, images)
            answer["window_hash"] = audiohash.window_hash(file, before.st_size)
            if verify:
                answer["audio_hash"] = audiohash.audio_hash(file, before.st_size)
                answer["file_hash"] = audiohash.file_hash(file, before.st_size)
        after = os.stat(path)
    except OSError as error:
        raise PayloadError(f"cannot be read: {error.strerror or error}") from None
    if _signature(before) != _signature(after):
        raise PayloadError("changed while it was read; import again")
    size, mtime_ns, ctime_ns, inode = _signature(before)
    return {"size": size, "mtime_ns": mtime_ns, "ctime_ns": ctime_ns, "inode": inode, **answer}


def hash_audio(path: bytes | str) -> str | None:
    """Hash of all audio of a file, tags left out. Raises PayloadError with the reason."""
    try:
        with _open(path) as file:
            return audiohash.audio_hash(file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise PayloadError(f"cannot be read: {error.strerror or error}") from None


def kind_of(head: bytes) -> str | None:
    """The kind (a key of CLASSES) of a file that starts with these MAGIC_BYTES, "id3" where only a tag shows, or None."""
    for offset, magic, kind in _MAGIC.get(head[:4], ()):
        if head.startswith(magic, offset):
            return kind
    if head[4:8] == b"ftyp":
        return "mp4"
    return _SHORT.get(head[:3]) or _SHORT.get(head[:2])


def _signature(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _open(path: bytes | str) -> _Reader:
    # Without O_NONBLOCK a FIFO that took the file's place would block for ever.
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):
        flags |= getattr(os, name, 0)
    file = _Reader(io.FileIO(os.open(path, flags), "rb", closefd=True))
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise PayloadError("is not a regular file")
    return file


def _read(file: _Reader, suffix: str, size: int, images: bool) -> dict[str, Any]:
    audio, kind = _parse(file, suffix)
    tags, info = audio.tags, audio.info
    family = next((_FAMILIES[cls.__name__] for cls in type(tags).__mro__ if cls.__name__ in _FAMILIES), None)
    pictures: list[tuple[dict[str, Any], bytes]] = []
    room = [MAX_TAGS]
    raw: dict[str, list] = {}
    for key, value in list(_items(family, tags))[:MAX_VALUES]:
        found = _picture(family, key, value)
        if found is not None:
            pictures.append(found)
        else:
            value = _plain(value, room)
            raw.setdefault(_text(key)[:200], []).extend(value if family in ("id3", "ape") and isinstance(value, list) else [value])
    pictures += [_described(p.type, p.desc, p.data) for p in getattr(audio, "pictures", ())]
    if kind == "wav":
        raw.update(_riff_info(file, size, room))
    if raw and family is None:
        family = "riff"
    best = _best(pictures)
    return {
        "format": _format(kind, suffix, info),
        "info": _stream_info(info),
        "tag_format": family,
        "tag_version": ".".join(map(str, getattr(tags, "version", None) or ())) or None if family == "id3" else None,
        "tags": raw,
        "pictures": [about for about, _ in pictures],
        "cover": best if images else None,
        "cover_data": pictures[best][1] if images and best is not None else None,
    }


def _parse(file: _Reader, suffix: str):
    """A mutagen file and its kind. The first bytes decide, then the name, then mutagen's own guess."""
    start = audiohash.after_id3(file)
    file.seek(start)
    kind = kind_of(file.read(MAGIC_BYTES))
    named = EXTENSIONS.get(suffix)
    if kind in (None, "id3") or (named and kind in ("mp3", "aac", "vorbis")):
        kind = named or (kind if kind not in (None, "id3") else "mp3" if start else None)
    try:
        if kind is None:
            raise PayloadError("is no audio file that can be read")
        return _load(file, kind), kind
    except MemoryError:
        raise
    except Exception as error:
        guessed = _guess(file)
        if guessed is None:
            # mutagen names the open file, whose number differs each time
            why = re.sub(r"<musicdb\.audio\._Reader[^>]*>", "this", str(error)) or type(error).__name__
            raise PayloadError(f"{CLASSES[kind][2]}: {why}" if kind else why) from None
        name = type(guessed).__name__
        return guessed, next((kind for kind, (_, cls, _) in CLASSES.items() if cls == name), kind)


def _load(file: _Reader, kind: str):
    module, name, _ = CLASSES[kind]
    cls = getattr(importlib.import_module(f"mutagen.{module}"), name)
    file.seek(0)
    # translate=False keeps ID3v2.3 frames as written (TYER, TDAT, IPLS)
    audio = cls(file, translate=False) if kind in ("mp3", "tta", "wav", "aiff", "dsf", "dsdiff") else cls(file)
    if not audio.tags and kind in ("mp3", "aac", "ac3"):
        from mutagen.apev2 import APENoHeaderError, APEv2

        file.seek(0)
        try:
            audio.tags = APEv2(file)
        except APENoHeaderError:
            return audio
    return audio


def _guess(file: _Reader):
    import mutagen

    try:
        file.seek(0)
        return mutagen.File(file)
    except MemoryError:
        raise
    except Exception:  # the first reader's reason is the one to tell
        return None


# ---------- tags
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


def _plain(value: Any, room: list[int]) -> Any:
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
        return [_plain(each, room) for each in value[:MAX_VALUES]]
    if hasattr(value, "_framespec"):
        return _frame(value, room)
    kind = type(value).__name__
    if kind == "APETextValue":
        return [_capped(_text(text), room) for text in str(value).split("\0")[:MAX_VALUES]]
    if hasattr(value, "value"):  # ASF attributes, APE's other values
        return _plain(value.value, room)
    return _capped(_text(str(value)), room)  # ID3 time stamps


def _frame(frame: Any, room: list[int]) -> Any:
    """An ID3 frame: the texts of a text frame; for any other its fields."""
    names = [spec.name for spec in (*frame._framespec, *frame._optionalspec)]
    if "text" in names and frame.FrameID not in ("SYLT",):
        texts = frame.text if isinstance(frame.text, list) else [frame.text]
        return [_plain(str(text) if not isinstance(text, str) else text, room) for text in texts[:MAX_VALUES]]
    if names[-1:] == ["url"]:
        return [_plain(frame.url, room)]
    if frame.FrameID == "UFID" and frame.data.isascii():  # an identifier, MusicBrainz' for one
        return [frame.data.decode()]
    return [{name: _plain(getattr(frame, name, None), room) for name in names if name != "encoding"}]


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


def _riff_info(file: _Reader, size: int, room: list[int]) -> dict[str, list]:
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
            return _described(int(value.type), value.desc, value.data)
    elif family == "vorbis":
        if key.lower() in ("metadata_block_picture", "coverart"):
            return _base64_picture(key.lower(), value)
    elif family == "mp4":
        if key == "covr":
            return _described(None, "", bytes(value))
    elif family == "ape":
        if key.lower().startswith("cover art") and type(value).__name__ == "APEBinaryValue":
            name, _, data = value.value.partition(b"\0")
            number = 3 if "front" in key.lower() else 4 if "back" in key.lower() else 0
            return _described(number, name.decode("utf-8", "replace"), data)
    elif family == "asf" and key == "WM/Picture" and isinstance(value.value, bytes):
        return _asf_picture(value.value)
    return None


def _described(number: int | None, description: str, data: bytes) -> tuple[dict[str, Any], bytes]:
    mime = next((mime for magic, mime in _IMAGES if data.startswith(magic)), None)
    return {"type": number, "mime": mime, "description": _text(description)[:500], **_binary(data)}, data


def _base64_picture(key: str, text: str) -> tuple[dict[str, Any], bytes] | None:
    from mutagen.flac import Picture

    try:
        data = base64.b64decode(text)
        if key == "coverart":
            return _described(None, "", data)
        picture = Picture(data)
    except Exception:  # no picture: the text stays a tag
        return None
    return _described(picture.type, picture.desc, picture.data)


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
    return _described(data[0], texts[1], data[offset:]) if len(data) > offset else None


def _best(pictures: list[tuple[dict[str, Any], bytes]]) -> int | None:
    """Place of the cover: a front cover before one of no known type before any other, the larger first; never an icon."""
    order = {3: 3, None: 2, 0: 2, 1: 0, 2: 0}
    usable = [
        (order.get(about["type"], 1), about["size"], -place)
        for place, (about, _) in enumerate(pictures)
        if about["mime"] and about["size"] <= MAX_COVER and order.get(about["type"], 1)
    ]
    return -max(usable)[2] if usable else None


# ---------- the stream
def _stream_info(info: Any) -> dict[str, Any]:
    found = {name: value for name in _INFO if isinstance(value := getattr(info, name, None), int | float | str) and value}
    for name, value in getattr(info, "__dict__", {}).items():
        if name[0] != "_" and name not in _INFO and isinstance(value, str | int | float):
            found[name] = value
    if "md5_signature" in found:
        found["md5_signature"] = f"{info.md5_signature:032x}"  # 128 bit
    return {name: _plain(value, [MAX_TEXT]) for name, value in found.items()}


def _format(kind: str | None, suffix: str, info: Any) -> str:
    codec = str(getattr(info, "codec", "") or "")
    if kind == "mp4" and codec:
        return {"mp4a": "AAC", "alac": "ALAC", "ac-3": "AC-3", "ec-3": "E-AC-3", "fLaC": "FLAC"}.get(codec.split(".")[0], codec)
    if kind == "mp3":
        return f"MP{getattr(info, 'layer', 3)}"
    if kind == "ac3" and codec == "ec-3":
        return "E-AC-3"
    return CLASSES[kind][2] if kind else suffix.upper()[:20]
