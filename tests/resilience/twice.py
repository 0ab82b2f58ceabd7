"""Figure 2. python -m tests.resilience.twice [orders] [seed]: each import twice changes nothing; in any order it ends with the same content.

Each source is read once and what its `fetch` yields is kept. Then, `orders` times a source: first a run that is cut off, with its pages shuffled,
some of them twice and some lost; then a whole run with its pages shuffled and some twice. The content must equal that of one quiet run, and
one more run must write no row. Exits 1 where it does not.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import musicdb
from musicdb import load
from musicdb.errors import Transient
from musicdb.shapes import Page
from tests.resilience import library
from tests.resilience.kill_import import OBSERVED, digest


@contextmanager
def instead(platform: str, fetch: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    module = load.module(platform)
    own, module.fetch = module.fetch, fetch
    try:
        yield own
    finally:
        module.fetch = own


def recorded(name: str, run: Callable[..., Any], db: musicdb.db.Database) -> list[Any]:
    """What the platform yields to an empty database, its pages cut small."""
    platform, kept = name.partition(" ")[0].partition(".")[0], []
    own = load.module(platform).fetch

    def keeping(*args: Any, **options: Any) -> Iterator[Any]:
        for page in library.cut(own)(*args, **options):
            kept.append(page)
            yield page

    with instead(platform, keeping):
        run(db)
    return [replace(page, cursor=None) if isinstance(page, Page) else page for page in kept]


def shuffled(pages: list[Any], pick: random.Random) -> list[Any]:
    """The pages of each list in another order, a tenth of them twice. Which list comes first is our own `fetch`'s doing, and stays."""
    out: list[Any] = []
    for _, group in groupby(pages, lambda page: (page.kind, page.scope) if isinstance(page, Page) else id(page)):
        some = list(group)
        if isinstance(some[0], Page):
            some += [page for page in some if pick.random() < 0.1]
            pick.shuffle(some)
        out += some
    return out


def lost(pages: list[Any], pick: random.Random) -> Iterator[Any]:
    """Some of the pages, then the network is gone."""
    yield from [page for page in shuffled(pages, pick) if isinstance(page, Page) and pick.random() < 0.6]
    raise Transient("the network is gone")



def main(orders: int, seed: int) -> int:
    bad, runs, pick = [], 0, random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, run in library.sources(library.make(root / "in")):
            platform = name.partition(" ")[0].partition(".")[0]
            with musicdb.open(root / f"{name}.db") as db:
                pages = recorded(name, run, db)
                quiet = digest(db, OBSERVED)
                run(db)
                with instead(platform, lambda *a, pages=pages, **o: iter(pages)):
                    run(db)
                changes = db.value("select count(*) from changes") + db.value("select count(*) from observation_changes")
                if digest(db, OBSERVED) != quiet or changes:
                    bad.append(f"{name}: a second run changed something ({changes} logged)")
            for n in range(orders):
                path = root / f"{name}-{n}.db"
                with musicdb.open(path) as db:
                    with instead(platform, lambda *a, pages=pages, **o: lost(pages, pick)), suppress(Transient):
                        run(db)
                    with instead(platform, lambda *a, pages=pages, **o: iter(shuffled(pages, pick))):
                        run(db)
                        found = digest(db, OBSERVED)
                        run(db)
                        again = digest(db, OBSERVED)
                    runs += 3
                    if found != quiet:
                        bad.append(f"{name}: order {n} ends with other content")
                    if again != found:
                        bad.append(f"{name}: order {n}, and once more, changed something")
                for part in root.glob(f"{name}-{n}.db*"):
                    part.unlink()
    print(*bad, sep="\n")
    print(f"figure 2: {runs} disturbed runs of {orders} page orders a source, each source twice (seed {seed}): {len(bad)} differences")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100, int(sys.argv[2]) if len(sys.argv) > 2 else 1))
