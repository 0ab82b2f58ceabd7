"""Mutated audio files through the reader: each must end stored or refused with a reason, within the deadline, and the parent lives.

Run: python -m tests.resilience.fuzz_files [n] [--seed 1] [--from FOLDER]. Without a folder the shipped sounds are tagged and mutated.
Prints the counts, the reasons, and what died or hung; exits 1 where a file ended as neither or its rows could not be made.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import re
import shutil
import tempfile
import time
from pathlib import Path

import msgspec

from musicdb.errors import PayloadError
from musicdb.load.door import check
from musicdb.platforms import files
from musicdb.worker import Pool

SIZES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Flip, overwrite, cut, repeat, insert; mostly where headers and tags are."""
    out = bytearray(data[: rng.randrange(1, len(data) + 1)] if rng.random() < 0.2 else data)
    for _ in range(rng.choice((1, 1, 2, 5, 20, 100))):
        reach = rng.choice((64, 512, 4096, len(out)))
        at = rng.randrange(min(reach, len(out))) if rng.random() < 0.8 else max(0, len(out) - 1 - rng.randrange(min(512, len(out))))
        match rng.randrange(6):
            case 0:
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                out[at] = rng.randrange(256)
            case 2:
                out[at : at + 4] = rng.choice(SIZES).to_bytes(4, rng.choice(("big", "little")))
            case 3:
                del out[at : at + rng.randrange(1, 64)]
            case 4:
                out[at:at] = out[at : at + rng.randrange(1, 256)]
            case 5:
                out[at:at] = bytes(rng.choice((0, 255, 127)) for _ in range(rng.randrange(1, 16)))
        out = out or bytearray(b"\0")
    return bytes(out)


def originals(folder: Path | None) -> list[Path]:
    if folder:
        return sorted(path for path in folder.rglob("*") if path.is_file() and 0 < path.stat().st_size < 300_000)
    from tests import test_files

    made = Path(tempfile.mkdtemp())
    for format in test_files.FORMATS:
        test_files.tag(test_files.put(made, f"a.{format}"))
    return sorted(made.iterdir())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n", nargs="?", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", dest="folder", type=Path)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    sources = [(path.name, path.read_bytes()) for path in originals(args.folder)]
    folder = Path(tempfile.mkdtemp(prefix="musicdb-fuzz-"))
    counts: collections.Counter = collections.Counter()
    bad, kept, names = [], [], []

    def jobs():
        for n in range(args.n):
            name, data = rng.choice(sources)
            path = folder / f"{n}-{name}"
            path.write_bytes(mutate(data, rng))
            names.append(path)
            yield os.fsencode(path), True, n % 10 == 0

    started = time.perf_counter()
    with Pool(["musicdb.platforms._files_audio.read"], workers=2) as pool:
        for n, answer in enumerate(pool.map("musicdb.platforms._files_audio.read", jobs())):
            path = names[n]
            if answer.ok:
                answer.value.pop("cover_data")
                payload = {"external_id": "x", "path": str(path), "root": str(folder), **answer.value}
                try:
                    check(payload)
                    for row in files.rows("file", msgspec.json.decode(msgspec.json.encode(payload))):
                        check(row)
                    counts["stored"] += 1
                except (PayloadError, Exception) as error:
                    bad.append((path, repr(error)))
                    kept.append(path)
            else:
                counts["refused"] += 1
                counts["  " + re.sub(r"[\d,]*\d|'.*'|b\".*\"", "…", answer.reason)[:90]] += 1
                if "longer than" in answer.reason or "process ended" in answer.reason or "memory" in answer.reason:
                    kept.append(path)
            if path not in kept[-1:]:
                path.unlink()
    seconds = time.perf_counter() - started
    print(f"figure 7: {args.n} mutated audio files, {seconds:.1f} s, {counts.pop('stored', 0)} stored, {counts.pop('refused', 0)} refused with a reason, {len(bad)} neither (seed {args.seed})")
    for reason, count in counts.most_common(12):
        print(f"{count:7} {reason}")
    for path, why in bad:
        print("BAD", path, why)
    print("kept:", *kept) if kept else shutil.rmtree(folder)
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
