"""Reads one audio file with mutagen: what it is, every raw tag as JSON, its pictures, its hashes. Runs in a worker process.

Source: mutagen 1.48, by class where the first bytes say what the file is, whatever its name.
"""

from __future__ import annotations

import importlib
import io
import os
import re
import stat
from typing import Any

from ..errors import PayloadError
from . import _files_audiohash as audiohash
from . import _files_rawtags as rawtags

__all__ = ["EXTENSIONS", "MAGIC_BYTES", "hash_audio", "kind_of", "read"]

MAX_READ = 64 << 20  # bytes at once: what a tag may claim

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
        (28, b"OpusHead", "opus"),
        (28, b"Speex   ", "speex"),
        (28, b"\x7fFLAC", "oggflac"),
        (28, b"\x80theora", "theora"),
        (0, b"", "vorbis"),
    ),
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
_SHORT = {
    b"ID3": "id3",
    b"MP+": "musepack",
    b"\xff\xfb": "mp3",
    b"\xff\xfa": "mp3",
    b"\xff\xf3": "mp3",
    b"\xff\xf1": "aac",
    b"\xff\xf9": "aac",
}
_INFO = ("length", "bitrate", "sample_rate", "channels", "bits_per_sample", "bitrate_mode")


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
    tag_version; tags {key: [values]}: binary values as {size, xxh3}, texts over rawtags.MAX_TEXT as {text (its start), characters, xxh3};
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
    family, room = rawtags.family_of(tags), [rawtags.MAX_TAGS]
    raw, pictures = rawtags.raw(family, tags, room)
    pictures += [rawtags.described(p.type, p.desc, p.data) for p in getattr(audio, "pictures", ())]
    if kind == "wav":
        raw.update(rawtags.riff_info(file, size, room))
    if raw and family is None:
        family = "riff"
    best = rawtags.best(pictures)
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


# ---------- the stream
def _stream_info(info: Any) -> dict[str, Any]:
    found = {name: value for name in _INFO if isinstance(value := getattr(info, name, None), int | float | str) and value}
    for name, value in getattr(info, "__dict__", {}).items():
        if name[0] != "_" and name not in _INFO and isinstance(value, str | int | float):
            found[name] = value
    if "md5_signature" in found:
        found["md5_signature"] = f"{info.md5_signature:032x}"  # 128 bit
    return {name: rawtags.plain(value, [rawtags.MAX_TEXT]) for name, value in found.items()}


def _format(kind: str | None, suffix: str, info: Any) -> str:
    codec = str(getattr(info, "codec", "") or "")
    if kind == "mp4" and codec:
        return {"mp4a": "AAC", "alac": "ALAC", "ac-3": "AC-3", "ec-3": "E-AC-3", "fLaC": "FLAC"}.get(codec.split(".")[0], codec)
    if kind == "mp3":
        return f"MP{getattr(info, 'layer', 3)}"
    if kind == "ac3" and codec == "ec-3":
        return "E-AC-3"
    return CLASSES[kind][2] if kind else suffix.upper()[:20]
