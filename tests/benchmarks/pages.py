"""python -m tests.benchmarks.pages [tracks] [listens] [--file PATH] [--only WORD] [--cpu]: pages of a large library against the floor of the same server.

Three tables, all as multiples of `/-/versions.json` asked in between. Warm: p50 and p95 of JSON and HTML, of addresses that vary (other tracks,
words, pages), so that not only kept answers are measured; saved questions are kept ones, with several values each. After a write: another program commits before every request, so nothing is kept.
Datasette's defaults on the same file (no metadata, no settings), each request stopped after LIMIT_S seconds.
Goals at 100,000 tracks, 600,000 platform tracks, 1,000,000 listens: JSON p50 <= 4x, HTML <= 15x, facets <= 40x and never missing, p95 <= 3x p50
(of the floor's p95 where the computer is busy); after a write p95 <= 1 second on a computer whose floor is 2 ms: 500x.
--cpu: processor time of the server, all its threads, in place of the clock's, where others use the computer.
"""

from __future__ import annotations

import asyncio
import random
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median

import yaml

import musicdb
from musicdb import assets

from .large import build

ROUNDS, COLD_ROUNDS, PLAIN_ROUNDS = 25, 7, 3
LIMIT_S = 20.0  # for one request of the comparison
JSON, HTML, FACET, COLD = 4, 15, 40, 500  # times the floor
PLAIN = ("tracks", "platform_tracks", "listens", "track_links", "library")


class Server:
    """The app asked in-process, as fast as Datasette answers."""

    def __init__(self, app, clock=time.perf_counter):
        self.app, self.clock = app, clock

    async def took(self, path: str) -> tuple[float, object]:
        start = self.clock()
        answer = await self.app.client.get(path)
        return self.clock() - start, answer

    async def times(self, paths: list[str], rounds: int, before=lambda: None) -> tuple[list[float], list[float], int]:
        """(seconds of answers, of the floor between them, bytes of the last); before() is called ahead of each. Raises SystemExit where one is no 200."""
        took, floors, size = [], [], 0
        for n in range(rounds):
            path = paths[n % len(paths)]
            floors.append((await self.took("/-/versions.json"))[0])
            before()
            seconds, answer = await self.took(path)
            if answer.status_code != 200 or "Too many rows to count in time" in answer.text or '"facets_timed_out": ["' in answer.text:
                raise SystemExit(f"{path}: {answer.status_code} {answer.text[:200]}")
            took.append(seconds)
            size = len(answer.content)
        return sorted(took), sorted(floors), size


def p95(values: list[float]) -> float:
    """Of sorted values."""
    return values[max(int(len(values) * 0.95) - 1, 0)]


def addresses(path: Path, n: int) -> dict[str, list[str]]:
    """{page: addresses of n different ones, or of one where there is but one}."""
    pick = random.Random(9)
    with musicdb.open(path) as db:
        tracks = db.value("select count(*) from tracks")
        titles = [row[0].lower().split() for row in db.execute("select title from tracks where title like '% %' limit ? offset 500", [n])]
    name = f"/{path.stem}"
    ids = [pick.randrange(tracks) + 1 for _ in range(n)]
    artists = [f"{word[0].title()}{word[1:]}" for word, _ in titles]
    varied = {  # of saved questions: a parameter that has many values
        "mixes_with": "track={id}", "plays_of": "track={id}", "versions": "title={word}", "no_file": "artist={artist}", "never_played": "artist={artist}",
        "not_in_rekordbox": "artist={artist}", "top_month": "month=20{year}-{month}", "disagree": "field={field}", "odd_lengths": "seconds={n}", "forgotten": "plays={n}",
    }  # fmt: skip
    both = {
        "home": [f"{name}/home"],
        "browse": [f"{name}/browse?offset={50 * pick.randrange(tracks // 50)}" for _ in ids],
        "cover wall": [f"{name}/browse?view=grid&offset={50 * pick.randrange(tracks // 50)}" for _ in ids],
        "albums": [f"{name}/browse/albums?offset={60 * i}" for i in range(n)],
        "artists": [f"{name}/browse/artists?offset={60 * i}" for i in range(n)],
        "playlists": [f"{name}/browse/playlists?offset={60 * i}" for i in range(8)],
        "records": [f"{name}/browse/records?offset={60 * i}" for i in range(8)],
        "search": [f"{name}/browse?q={word}+{other[:-2]}" for word, other in titles],  # as typed, not yet to its end
        "facets": [f"{name}/browse?platform=tidal&decade={1960 + 10 * (i % 7)}&key={i % 12 + 1}{'AB'[i // 12 % 2]}&sort={('', 'bpm', 'year')[i % 3]}" for i in range(n)],
        "track": [f"{name}/tracks/{i}" for i in ids],
        "album": [f"{name}/release_groups/{i // 10 + 1}" for i in ids],
        "artist": [f"{name}/artists/{i // 12}" for i in ids if i // 12],
        "playlist": [f"{name}/platform_playlists/{i % 499 + 2}" for i in ids],
        "own playlist": [f"{name}/playlists/{i % 200 + 1}" for i in ids],
        "record": [f"{name}/platform_releases/{i // 10 + 1}" for i in ids],
        "charts": [f"{name}/charts"],
        "table tracks": [f"{name}/tracks?year={1960 + i % 65}" for i in range(n)],
        "table library": [f"{name}/library?_next={i}" for i in range(50, 50 + n)],
        "table platform_tracks": [f"{name}/platform_tracks?_next={i * 900}" for i in range(n)],
        "table listens": [f"{name}/listens?_sort=id&_next={i * 900}" for i in range(n)],
        "table track_links": [f"{name}/track_links?_sort=id&_next={i * 900}" for i in range(n)],
        "facet by year": [f"{name}/tracks?_facet=year&musical_key={i % 12 + 1}{'AB'[i // 12 % 2]}&bpm__gt={80 + i}" for i in range(n)],
        "facet by platform": [f"{name}/platform_tracks?_facet=platform&_next={i * 900}" for i in range(n)],
    }
    for query in yaml.safe_load(assets.path("metadata.yml").read_text("utf-8"))["databases"]["music"]["queries"]:
        values = [
            varied.get(query, "").format(id=ids[i], word=titles[i][0][:4], artist=artists[i][:3], year=15 + i % 9, month=f"{i % 12 + 1:02}", n=i % 20 + 5,
                                         field=("year", "duration_ms")[i % 2])
            for i in range(n if query in varied else 1)
        ]  # fmt: skip
        both[f"ask {query}"] = [f"{name}/{query}" + (f"?{value}" if value else "") for value in values]
    return both


def as_json(paths: list[str]) -> list[str]:
    return [re.sub(r"(\?|$)", r".json\1", one, count=1) for one in paths]


async def warm(ours: Server, pages: dict[str, list[str]]) -> Iterator[str]:
    """Print a line a page; yield each goal that was missed. Half of the addresses are asked as JSON, the other half as HTML."""
    print(f"{'warm':28}{'JSON p50':>10}{'p95':>8}{'HTML p50':>12}{'p95':>8}{'bytes':>10}")
    for what, paths in pages.items():
        line, missed = f"{what:28}", []
        for kind, goal, some in (("JSON", JSON, as_json(paths[::2])), ("HTML", HTML, paths[1::2] or paths)):
            goal = FACET if what.startswith("facet by") else goal
            await ours.times(some, len(some) if what.startswith("ask") else 1)  # a question with other values is another: see after a write
            took, floors, size = await ours.times(some[1:] or some, ROUNDS)
            floor, slow = median(floors), p95(took) > 3 * max(median(took), p95(floors))
            line += f"{median(took) / floor:{10 if kind == 'JSON' else 12}.1f}{p95(took) / floor:8.1f}" + (f"{size:10,}" if kind == "HTML" else "")
            missed += [f"{what}, {kind}: {median(took) / floor:.1f}x"] if median(took) > goal * floor else [f"{what}, {kind}: p95 {p95(took) / median(took):.1f}x p50"] if slow else []
        print(line + ("  MISSED" if missed else ""), flush=True)
        for one in missed:
            yield one


async def after_a_write(ours: Server, path: Path, pages: dict[str, list[str]]) -> Iterator[str]:
    """The same, but somebody writes before each request."""
    print(f"\n{'after a write':28}{'JSON p50':>10}{'p95':>8}")
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as writer:

        def write():
            writer.execute("insert into config(key, value) values ('benchmark', hex(randomblob(8))) on conflict (key) do update set value = excluded.value")

        for what, paths in pages.items():
            took, floors, _ = await ours.times(as_json(paths), COLD_ROUNDS, write)
            over = p95(took) > COLD * median(floors)
            print(f"{what:28}{median(took) / median(floors):10.0f}{took[-1] / median(floors):8.0f}  {1000 * median(took):6.0f} ms{'  MISSED' if over else ''}", flush=True)
            if over:
                yield f"{what} after a write: {took[-1] / median(floors):.0f}x"
        writer.execute("delete from config where key = 'benchmark'")


async def defaults(path: Path, ours: Server) -> None:
    """Datasette as it comes, and ours, table by table; what takes longer than LIMIT_S is said to."""
    from datasette.app import Datasette

    plain = Server(Datasette([str(path)]), ours.clock)
    plain.app.musicdb_names = set()  # as if our plugin were not installed
    print(f"\n{'Datasette as it comes':28}{'theirs':>12}{'ours':>10}   times the floor")
    for table in PLAIN:
        for end in (".json", ""):
            address, said = f"/{path.stem}/{table}{end}", []
            for server in (plain, ours):
                try:
                    took, floors, _ = await asyncio.wait_for(server.times([address], PLAIN_ROUNDS), LIMIT_S * PLAIN_ROUNDS)
                    said.append(f"{median(took) / median(floors):.1f}x")
                except TimeoutError:
                    said.append(f"over {LIMIT_S:.0f} s")
                except SystemExit as problem:
                    said.append(str(problem).split(": ")[1][:12])
            print(f"{table + end:28}{said[0]:>12}{said[1]:>10}", flush=True)


async def compare(path: Path, only: str, clock) -> list[str]:
    from musicdb.web import serve

    ours = Server(serve.app(path), clock)
    pages = {what: paths for what, paths in addresses(path, 2 * ROUNDS + 4).items() if only in what}
    missed = [one async for one in warm(ours, pages)]
    missed += [one async for one in after_a_write(ours, path, pages)]
    if not only:
        await defaults(path, ours)
    _, floors, _ = await ours.times(["/-/versions.json"], ROUNDS)
    print(f"\nfloor {1000 * median(floors):.1f} ms, p95 {1000 * p95(floors):.1f} ms")
    return missed


def main() -> None:
    args = sys.argv[1:]
    named = {args[place]: args[place + 1] for place in range(len(args) - 1) if args[place].startswith("--")}
    sizes = [int(one) for one in args if one.isdecimal()]
    tracks, listens = (*sizes, 100_000, 1_000_000)[:2] if len(sizes) != 1 else (sizes[0], 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(named.get("--file", Path(folder) / "big.db"))
        if not path.exists():
            start = time.perf_counter()
            build(path, tracks, listens)
            print(f"built in {time.perf_counter() - start:.0f} s, {path.stat().st_size / 1e6:,.0f} MB")
        missed = asyncio.run(compare(path, named.get("--only", ""), time.process_time if "--cpu" in args else time.perf_counter))
    print("\n".join(["", *missed, f"{len(missed)} goals missed" if missed else "every goal met"]))


if __name__ == "__main__":
    main()
