"""Small audio files that differ: a second of real sound each, and a header that says how long the song is.

The package ships one or two encoded sounds a format. They are cut at frame (packet, block) borders and put together in another
order for each song, so that every song has its own audio, without an encoder. The header then claims the song's length: two
seconds of sound, six minutes on the label. That is honest enough for a fictional library, and its 250 files stay a few MB.
WAV has no place for such a claim: those are as long as they say. Frame checksums are right; FLAC's MD5 of the decoded sound
cannot be known without decoding and stands for the frames instead.
"""

from __future__ import annotations

import hashlib
import io
import random
import struct
from functools import cache
from importlib.resources import files
from itertools import pairwise

FORMATS = ("mp3", "flac", "m4a", "ogg", "opus", "wav", "aiff", "wma", "wv")
ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def sound(kind: str, format: str, key: str, seconds: float) -> bytes:
    """The bytes of an untagged audio file. The same arguments give the same bytes; another key gives other audio.

    kind: "dub" or "folk" (formats with one shipped sound take that). format: one of FORMATS. seconds: the length to claim.
    """
    shipped = _shipped(kind, format)
    return _MAKERS[format](shipped, random.Random(key), seconds)


@cache
def _shipped(kind: str, format: str) -> bytes:
    folder = files("musicdb.demo") / "sounds"
    other = "folk" if kind == "dub" else "dub"
    for name in (kind, other):
        path = folder / f"{name}.{format}"
        if path.is_file():
            return path.read_bytes()
    raise ValueError(f"no sound of format {format!r}; there are {', '.join(FORMATS)}")


def _mp3(data: bytes, rng: random.Random, seconds: float) -> bytes:
    # No bit reservoir was used, so each frame stands alone. 48 kbit/s at 44.1 kHz: 156 bytes, one more where padded.
    frames, at = [], 0
    while at + 4 <= len(data):
        size = 156 + (data[at + 2] >> 1 & 1)
        frames.append(data[at : at + size])
        at += size
    rng.shuffle(frames)
    count = round(seconds * 44100 / 1152)
    claimed = count * 1044  # what 320 kbit/s would take
    first = bytearray(156)
    first[:4] = frames[0][:2] + bytes([frames[0][2] & ~2, frames[0][3]])
    first[36:52] = struct.pack(">4sIII", b"Info", 3, count, claimed)
    return bytes(first) + b"".join(frames)


def _flac(data: bytes, rng: random.Random, seconds: float) -> bytes:
    starts, at = [], data.index(b"\xff\xf8")
    while at >= 0:
        # A frame header: sync, sizes, the frame's number (one byte below 128), checksum.
        if data[at + 4] == len(starts) and _crc8(data[at : at + 5]) == data[at + 5]:
            starts.append(at)
        at = data.find(b"\xff\xf8", at + 1)
    frames = [data[a:b] for a, b in pairwise(starts)]  # the last one is shorter than the rest: left out
    rng.shuffle(frames)
    out = []
    for number, frame in enumerate(frames):
        head = frame[:4] + bytes([number])
        body = head + bytes([_crc8(head)]) + frame[6:-2]
        out.append(body + _crc16(body).to_bytes(2, "big"))
    audio = b"".join(out)
    info = bytearray(data[8:42])
    rate_and_total = int.from_bytes(info[10:18], "big") >> 36 << 36 | round(seconds * 44100)
    info[10:18] = rate_and_total.to_bytes(8, "big")
    info[18:34] = hashlib.md5(audio, usedforsecurity=False).digest()
    return b"fLaC\x80\x00\x00\x22" + bytes(info) + audio


def _m4a(data: bytes, rng: random.Random, seconds: float) -> bytes:
    # One chunk holds all samples, so their order can change as long as the table of sizes follows.
    table = data.index(b"stsz")
    count = int.from_bytes(data[table + 12 : table + 16], "big")
    sizes = struct.unpack_from(f">{count}I", data, table + 16)
    start = int.from_bytes(data[data.index(b"stco") + 12 :][:4], "big")
    samples = []
    for size in sizes:
        samples.append(data[start : start + size])
        start += size
    rng.shuffle(samples)
    out = bytearray(data)
    at = start - sum(sizes)
    out[at:start] = b"".join(samples)
    struct.pack_into(f">{count}I", out, table + 16, *map(len, samples))
    # mvhd and tkhd count in the movie's time scale, mdhd in samples a second.
    movie = out.index(b"mvhd")
    scale = int.from_bytes(out[movie + 16 : movie + 20], "big")
    struct.pack_into(">I", out, movie + 20, round(seconds * scale))
    struct.pack_into(">I", out, out.index(b"tkhd") + 24, round(seconds * scale))
    media = out.index(b"mdhd")
    scale = int.from_bytes(out[media + 16 : media + 20], "big")
    struct.pack_into(">I", out, media + 20, round(seconds * scale))
    return bytes(out)


def _ogg(headers: int, rate: int, skip: int):
    def make(data: bytes, rng: random.Random, seconds: float) -> bytes:
        from mutagen.ogg import OggPage

        source, pages = io.BytesIO(data), []
        while source.tell() < len(data):
            pages.append(OggPage(source))
        packets = OggPage.to_packets(pages)
        audio = packets[headers:]
        rng.shuffle(audio)
        out = [
            *OggPage.from_packets(packets[:1]),
            *OggPage.from_packets(packets[1:headers], sequence=1),
        ]
        out += OggPage.from_packets(audio, sequence=len(out))
        serial = rng.getrandbits(31)
        for page in out:
            page.serial, page.position = serial, 0
        out[0].first, out[-1].last = True, True
        out[-1].position = round(seconds * rate) + skip
        return b"".join(page.write() for page in out)

    return make


def _wav(data: bytes, rng: random.Random, seconds: float) -> bytes:
    at = data.index(b"data")
    pieces = [data[at + 8 :][i : i + 441] for i in range(0, 4410, 441)]
    audio = b"".join(rng.choices(pieces, k=round(seconds * 25)))
    audio += b"\x80" * (len(audio) % 2)
    body = data[8:at] + b"data" + len(audio).to_bytes(4, "little") + audio
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _aiff(data: bytes, rng: random.Random, seconds: float) -> bytes:
    out = bytearray(data)
    start = data.index(b"SSND") + 16
    pieces = [data[i : i + 441] for i in range(start, start + 4410, 441)]
    rng.shuffle(pieces)
    out[start : start + 4410] = b"".join(pieces)
    struct.pack_into(">I", out, data.index(b"COMM") + 10, round(seconds * 11025))
    return bytes(out)


def _wma(data: bytes, rng: random.Random, seconds: float) -> bytes:
    out = bytearray(data)
    at = data.index(ASF_FILE_PROPERTIES) + 24
    preroll_ms = int.from_bytes(data[at + 56 : at + 64], "little")
    struct.pack_into("<Q", out, at + 40, round((seconds + preroll_ms / 1000) * 10_000_000))
    return bytes(out)


def _wv(data: bytes, rng: random.Random, seconds: float) -> bytes:
    out = bytearray(data)
    struct.pack_into("<I", out, 12, round(seconds * 44100))
    return bytes(out)


_MAKERS = {
    "mp3": _mp3,
    "flac": _flac,
    "m4a": _m4a,
    "ogg": _ogg(headers=3, rate=44100, skip=0),
    "opus": _ogg(headers=2, rate=48000, skip=312),
    "wav": _wav,
    "aiff": _aiff,
    "wma": _wma,
    "wv": _wv,
}


def _table(bits: int, polynomial: int) -> tuple[int, ...]:
    top, mask, out = 1 << bits - 1, (1 << bits) - 1, []
    for value in range(256):
        value <<= bits - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
        out.append(value)
    return tuple(out)


_CRC8, _CRC16 = _table(8, 0x07), _table(16, 0x8005)


def _crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value = _CRC8[value ^ byte]
    return value


def _crc16(data: bytes) -> int:
    value = 0
    for byte in data:
        value = (value << 8 & 0xFFFF) ^ _CRC16[value >> 8 ^ byte]
    return value
