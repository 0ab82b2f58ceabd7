"""Figure 7, beside fuzz_files. python -m tests.resilience.fuzz_inputs [n] [--seed 1]: mutated pictures, ANLZ files, XML, zips, JSON, CSV, M3U.

Each input is read in a worker, as pictures and ANLZ files always are: text formats are read by the platform's own `fetch` and `rows`, which must
give rows or raise one of musicdb's errors, within the deadline and 512 MB. Prints a line a kind; exits 1 where anything else came out.
"""

from __future__ import annotations

import argparse
import collections
import importlib
import io
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from musicdb.errors import MusicdbError, PayloadError
from musicdb.load.door import check
from musicdb.shapes import Page
from musicdb.worker import Pool
from tests.rekordbox_library import anlz, cues, even, grid, phrases
from tests.resilience import library
from tests.resilience.fuzz_files import mutate

PICTURE, ANLZ, FETCHED = "musicdb.images.prepare", "musicdb.platforms._rekordbox_anlz.read", "tests.resilience.fuzz_inputs.fetched"
DEADLINE = 10.0  # seconds for a whole export; a picture and an ANLZ file have the worker's own
M3U = "#EXTM3U\n#PLAYLIST:Friday\n#EXTINF:181,Moss - Slow Tide\n../Music/Moss/01 Slow Tide.mp3\nC:\\Music\\Nightfall.flac\nhttp://example.invalid/a.mp3\n"


def fetched(platform: str, path: str) -> str:
    """Read a file as an import would, without a database. Returns "rows" or what was refused."""
    module = importlib.import_module(f"musicdb.platforms.{platform}")
    try:
        for page in module.fetch(Path(path), None):
            for payload in page.payloads if isinstance(page, Page) else ():
                try:
                    check(payload)
                    for row in module.rows(page.kind, payload):
                        check(row)
                except (PayloadError, UnicodeEncodeError):
                    continue  # `load` sets such a payload aside with its reason
    except MusicdbError as error:
        return type(error).__name__
    return "rows"


def pictures() -> Iterator[tuple[str, bytes]]:
    image = Image.effect_mandelbrot((300, 200), (-2, -1, 1, 1), 60)
    for format, mode, options in (
        ("JPEG", "RGB", {}), ("JPEG", "CMYK", {"progressive": True}), ("PNG", "P", {}), ("PNG", "LA", {}), ("PNG", "RGBA", {}), ("WEBP", "RGB", {}), ("GIF", "P", {}),
    ):  # fmt: skip
        out = io.BytesIO()
        image.convert(mode).save(out, format, **options)
        yield f"{format} {mode}", out.getvalue()


def inputs(folder: Path) -> dict[str, list[tuple[str, bytes, str]]]:
    """kind -> (how it is read, an original, the end of its name)."""
    found = library.make(folder, plays=30)
    grids = anlz(grid(even(60))), anlz(phrases(1, [(1, 1), (33, 2), (65, 5)], 100), cues(1, [(1, 64_025, -1, "drop", (1, 2, 3))]))
    texts = {"zip": ("spotify", "spotify.zip"), "xml": ("rekordbox", "rekordbox.xml"), "csv": ("discogs", "discogs.csv"), "scrobbles csv": ("lastfm", "lastfm.csv"),
             "jsonl": ("listenbrainz", "listenbrainz.jsonl"), "json": ("maloja", "maloja.json"), "listens json": ("koito", "koito.json")}  # fmt: skip
    return {
        "picture": [(PICTURE, data, "") for _, data in pictures()],
        "anlz": [(ANLZ, data, ".DAT") for data in grids],
        "m3u": [("m3u", M3U.encode(), ".m3u8")],
        **{kind: [(platform, found[name].read_bytes(), found[name].suffix)] for kind, (platform, name) in texts.items()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n", nargs="?", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng, bad, total, began = random.Random(args.seed), [], 0, time.perf_counter()
    with tempfile.TemporaryDirectory() as root, Pool([PICTURE, ANLZ], workers=2) as readers, Pool([FETCHED], workers=2, deadline=DEADLINE) as fetchers:
        folder = Path(root)
        for kind, originals in inputs(folder / "in").items():
            # A whole export takes a hundred times as long as a picture.
            count = args.n if kind in ("picture", "anlz") else args.n // 10
            counts, made = collections.Counter(), []

            def jobs(kind: str = kind, originals: list = originals, count: int = count, made: list = made) -> Iterator[tuple[Any, ...]]:
                for n in range(count):
                    how, original, end = rng.choice(originals)
                    data = mutate(original, rng)
                    path = folder / f"{kind.replace(' ', '-')}-{n}{end}"
                    made.append(path)
                    if how == PICTURE:
                        yield (data,)
                        continue
                    path.write_bytes(data)
                    yield (os.fspath(path),) if how == ANLZ else (how, os.fspath(path))

            how = originals[0][0]
            answers = readers.map(how, jobs()) if how in (PICTURE, ANLZ) else fetchers.map(FETCHED, jobs())
            for n, answer in enumerate(answers):
                path = made[n]
                counts[answer.value if isinstance(answer.value, str) else "read" if answer.ok else "refused"] += 1
                unreported = not answer.ok and how not in (PICTURE, ANLZ)
                slow = not answer.ok and any(word in answer.reason for word in ("longer than", "process ended"))
                if unreported:
                    bad.append(f"{kind}: {answer.reason}")
                    kept = Path(tempfile.gettempdir()) / f"musicdb-fuzz-{path.name}"
                    path.replace(kept)
                    bad.append(f"  kept as {kept}")
                counts["of them stopped by the worker"] += slow
                path.unlink(missing_ok=True)
            total += count
            print(f"{kind:14} {count:7}  " + ", ".join(f"{n} {name}" for name, n in counts.most_common() if n), flush=True)
    print(*bad, sep="\n")
    print(f"figure 7: {total} mutated inputs in {time.perf_counter() - began:.0f} s (seed {args.seed}): {len(bad) // 2} not reported")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
