"""python -m tests.benchmarks.pages [tracks] [listens] [--file PATH]: pages of a large library, served warm, against the floor of the same server.

Prints for JSON and HTML: p50 and p95 as multiples of `/-/versions.json`, then the same tables under Datasette's defaults (no metadata, no plugin settings).
Goals at 100,000 tracks, 600,000 platform tracks, 1,000,000 listens: JSON p50 <= 4x, HTML <= 15x, p95 <= 3x p50, facets <= 40x and never missing.
Addresses vary (other tracks, words, pages), so that an answer that was kept is not all that is measured; `cold` is the first of each kind after a write.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import yaml

import musicdb
from musicdb import assets

WORDS = [f"{a}{b}" for a in "night river stone paper golden velvet silent winter neon marble".split() for b in "fall light song dance wave drift fire field".split()]
PLATFORMS = ("local", "rekordbox", "spotify", "tidal", "discogs", "listenbrainz")
ROUNDS = 25


def build(path: Path, tracks: int, listens: int) -> None:
    """A library written straight into the tables: six observations a track, ten years of plays, genres, playlists, records."""
    pick = random.Random(3)
    artists, albums = max(tracks // 12, 1), max(tracks // 10, 1)
    title = [" ".join(pick.choices(WORDS, k=2)).title() for _ in range(tracks)]
    name = [" ".join(pick.choices(WORDS, k=2)).title() + f" {i}" for i in range(artists)]
    with musicdb.open(path) as db:
        write = db.conn.executemany
        db.execute("pragma synchronous = off")
        with db.atomic():
            write("insert into artist_ids(id, artist_uid) values (?, ?)", ((i + 1, f"a{i}") for i in range(artists)))
            write("insert into artists(id, name, name_norm) values (?, ?, ?)", ((i + 1, name[i], name[i].lower()) for i in range(artists)))
            write("insert into release_group_ids(id, release_group_uid) values (?, ?)", ((i + 1, f"r{i}") for i in range(albums)))
            write("insert into release_groups(id, title, title_norm, primary_artist_id, year) values (?, ?, ?, ?, ?)",
                  ((i + 1, f"{title[i % tracks]} {i}", f"album {i}", i % artists + 1, 1960 + i % 65) for i in range(albums)))  # fmt: skip
            write("insert into track_ids(id, track_uid) values (?, ?)", ((i + 1, f"t{i}") for i in range(tracks)))
            write("insert into tracks(id, title, artist_credit, release_group_id, duration_ms, year, bpm, musical_key, rating, title_norm, match_key, sources) values (?,?,?,?,?,?,?,?,?,?,?,?)",
                  ((i + 1, title[i], name[i % artists], i % albums + 1, pick.randrange(120_000, 480_000), 1960 + pick.randrange(65), round(pick.uniform(80, 160), 2),
                    f"{pick.randrange(1, 13)}{'AB'[i % 2]}", pick.choice((None, None, 3, 4, 5)), title[i].lower(), f"{title[i].lower()}|{i}", '{"title":"tidal"}') for i in range(tracks)))  # fmt: skip
            write("insert into track_artists(track_id, artist_id) values (?, ?)", ((i + 1, i % artists + 1) for i in range(tracks)))
        with db.atomic():
            genres = [row[0] for row in db.execute("select genre from genre_parents limit 120")] or ["House"]
            write("insert into genre_ids(id, genre_uid) values (?, ?)", ((i + 1, f"g{i}") for i in range(len(genres))))
            write("insert into genres(id, name, name_norm) values (?, ?, ?)", ((i + 1, genre, genre.lower()) for i, genre in enumerate(genres)))
            write("insert or ignore into track_genres(track_id, genre_id, platform) values (?, ?, ?)",
                  ((i + 1, pick.randrange(len(genres)) + 1, p) for i in range(tracks) for p in ("local", "discogs")))  # fmt: skip

            def observed():
                for n in range(tracks * len(PLATFORMS)):
                    i, p = n % tracks, PLATFORMS[n // tracks]
                    said = {"title": title[i], "artists": [name[i % artists]], "year": 1960 + (i + (p == "discogs")) % 65, "bpm": 80 + i % 80, "genres": ["House"]}
                    if p == "discogs":
                        said |= {"position": "A1", "track_no": 1, "disc_no": 1}
                    yield (n + 1, p, f"x{i:07d}", title[i], json.dumps([name[i % artists]]), f"Album {i % albums}", 300_000, f"ZZ{i:010d}", f"{title[i].lower()}|{i}",
                           f"r{i % albums}" if p == "discogs" else None, json.dumps(said), json.dumps({"id": n, "name": title[i], "markets": ["AA", "BB"] * 40}))  # fmt: skip

            write("insert into platform_tracks(id, platform, external_id, title, artists, album, duration_ms, isrc, match_key, release_external_id, said, metadata) values (?,?,?,?,?,?,?,?,?,?,?,?)", observed())
        with db.atomic():
            write("insert into track_links(platform_track_id, auto_track_id, assigned_track_id, track_id, status, method, confidence) values (?,?,?,?,?,?,?)",
                  ((n + 1, *[n % tracks + 1] * 3, "auto" if n % 500 else "confirmed", "key", 90) for n in range(tracks * len(PLATFORMS))))  # fmt: skip
            write("insert into platform_releases(id, platform, external_id, title, said) values (?, 'discogs', ?, ?, ?)",
                  ((i + 1, f"r{i}", f"Album {i}", json.dumps({"artists": [name[i % artists]], "label": f"Label {i % 90}", "year": 1990})) for i in range(albums)))  # fmt: skip
            write("insert into collection_items(platform_release_id, status, platform, instance_id, purchase_price, currency) values (?, ?, 'discogs', ?, ?, 'EUR')",
                  ((i + 1, "owned" if i % 3 else "wanted", str(i), 10 + i % 30) for i in range(min(1000, albums))))  # fmt: skip
            write("insert into platform_playlists(id, platform, external_id, name, kind) values (?, 'spotify', ?, ?, ?)",
                  ((i + 1, f"p{i}", f"List {i}", "liked" if i == 0 else "playlist") for i in range(500)))  # fmt: skip
            write("insert into platform_playlist_items(platform_playlist_id, position, platform_track_id, added_at, first_seen_at) values (?,?,?,?,'2020-01-01T00:00:00Z')",
                  ((i % 500 + 1, i // 500, 2 * tracks + pick.randrange(tracks) + 1, f"20{15 + i % 10}-0{i % 9 + 1}-01T00:00:00Z") for i in range(50_000)))  # fmt: skip
        with db.atomic():
            start, step = 1_420_000_000, 315_000_000 // max(listens, 1)
            stamp = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start + n * step)) for n in range(listens)]
            write("insert into listens_raw(id, user_id, platform, source_item, listened_at, ingested_at, payload) values (?, 1, 'spotify', ?, ?, '2026-01-01T00:00:00Z', '{}')",
                  ((n + 1, str(n), stamp[n]) for n in range(listens)))  # fmt: skip
            write("insert into listens(id, raw_id, user_id, platform, track_external_id, listened_at, ms_played) values (?, ?, 1, 'spotify', ?, ?, 200000)",
                  ((n + 1, n + 1, f"x{int(tracks * pick.random() ** 2):07d}", stamp[n]) for n in range(listens)))  # fmt: skip
        from musicdb.listens import rollups

        rollups.refresh(db)
        db.execute("analyze")


class Server:
    """The app asked in-process, as fast as Datasette answers."""

    def __init__(self, app):
        self.app = app

    async def times(self, paths: list[str], rounds: int = ROUNDS) -> tuple[float, list[float], int, float, float]:
        """(first answer, the other answers in seconds, bytes, p50 and p95 of the floor between them). Raises where one is no 200."""
        first, rest, size, floors = 0.0, [], 0, []
        for n in range(rounds + 1):
            path = paths[n % len(paths)]
            start = time.perf_counter()
            await self.app.client.get("/-/versions.json")
            floors.append(time.perf_counter() - start)
            start = time.perf_counter()
            answer = await self.app.client.get(path)
            took = time.perf_counter() - start
            if answer.status_code != 200 or "Too many rows to count in time" in answer.text:
                raise SystemExit(f"{path}: {answer.status_code}")
            size = len(answer.content)
            if n == 0:
                first = took
            else:
                rest.append(took)
        floors.sort()
        return first, rest, size, median(floors), floors[int(len(floors) * 0.95) - 1]


def addresses(path: Path, n: int = 30) -> dict[str, tuple[list[str], float]]:
    """{what: (addresses, times the floor it may take)}."""
    pick = random.Random(9)
    with musicdb.open(path) as db:
        tracks = db.value("select count(*) from tracks")
        titles = [row[0].lower().split() for row in db.execute("select title from tracks where title like '% %' limit ? offset 5000", [n])]
    name = f"/{path.stem}"
    ids = [pick.randrange(tracks) + 1 for _ in range(n)]
    few = ids[: n // 2]
    both = {
        "home": [f"{name}/home"],
        "browse": [f"{name}/browse?offset={50 * pick.randrange(tracks // 50)}" for _ in ids],
        "cover wall": [f"{name}/browse?view=grid&offset={50 * pick.randrange(tracks // 50)}" for _ in ids],
        "albums": [f"{name}/browse/albums?offset={60 * i}" for i in range(n)],
        "search": [f"{name}/browse?q={word}+{other[:-2]}" for word, other in titles],  # as typed, not yet to its end
        "facets": [f"{name}/browse?platform=tidal&decade={1960 + 10 * (i % 6)}&key={i % 12 + 1}A&sort={('', 'bpm', 'year')[i % 3]}" for i in range(n)],
        "track": [f"{name}/tracks/{i}" for i in ids],
        "album": [f"{name}/release_groups/{i // 10 + 1}" for i in ids],
        "artist": [f"{name}/artists/{i // 12 + 1}" for i in ids],
        "playlist": [f"{name}/platform_playlists/{i % 499 + 2}" for i in few],
        "record": [f"{name}/platform_releases/{i // 10 + 1}" for i in ids],
        "charts": [f"{name}/charts"],
        "table tracks": [f"{name}/tracks?_size=50&year={1960 + i}" for i in range(n)],
        "table library": [f"{name}/library"],
        "table platform_tracks": [f"{name}/platform_tracks"],
        "table listens": [f"{name}/listens"],
        "facet by year": [f"{name}/tracks?_facet=year&musical_key={i % 12 + 1}A" for i in range(n)],
        "facet by platform": [f"{name}/platform_tracks?_facet=platform"],
    }
    for query in yaml.safe_load(assets.path("metadata.yml").read_text("utf-8"))["databases"]["music"]["queries"]:
        both[f"ask {query}"] = [f"{name}/{query}"]
    out: dict[str, tuple[list[str], float]] = {}
    for what, paths in both.items():
        facet = what.startswith("facet by")
        out[f"{what}, JSON"] = ([re.sub(r"(\?|$)", r".json\1", one, count=1) for one in paths], 40 if facet else 4)
        out[f"{what}, HTML"] = (paths, 40 if facet else 15)
    return out


async def compare(path: Path) -> int:
    """Print the table; return how many goals were missed."""
    from datasette.app import Datasette

    from musicdb.web import serve

    ours, missed = Server(serve.app(path)), 0
    print(f"{'':34}{'p50':>8}{'p95':>8}{'cold':>10}   bytes   floor p50, p95")
    for what, (paths, goal) in addresses(path).items():
        cold, took, size, floor, floor95 = await ours.times(paths)
        took.sort()
        p50, p95 = median(took), took[int(len(took) * 0.95) - 1]
        late = p95 > 3 * max(p50, floor95)  # the floor itself is late where others use the machine
        over = p50 > goal * floor or late
        missed += over
        print(f"{what:34}{p50 / floor:7.1f}x{p95 / floor:7.1f}x{1000 * cold:8.0f} ms{size:9,}{'  OVER ' + str(goal) + 'x' if p50 > goal * floor else '  LATE' if late else ''}", flush=True)
    print("\nDatasette's defaults on the same file")
    plain = Server(Datasette([str(path)]))
    for table in ("tracks", "platform_tracks", "listens", "library"):
        for end in ("", ".json"):
            try:
                _, took, size, floor, _ = await plain.times([f"/{path.stem}/{table}{end}"], 3)
                print(f"{table + end:34}{median(took) / floor:7.1f}x{'':18}{size:9,}", flush=True)
            except SystemExit as problem:
                print(f"{table + end:34}{problem}")
    return missed


def main() -> None:
    args = sys.argv[1:]
    file = Path(args[args.index("--file") + 1]) if "--file" in args else None
    sizes = [int(one) for place, one in enumerate(args) if one.isdecimal() and (place == 0 or args[place - 1] != "--file")]
    tracks, listens = (*sizes, 100_000, 1_000_000)[:2] if len(sizes) != 1 else (sizes[0], 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        path = file or Path(folder) / "big.db"
        if not path.exists():
            start = time.perf_counter()
            build(path, tracks, listens)
            print(f"built in {time.perf_counter() - start:.0f} s, {path.stat().st_size / 1e6:,.0f} MB")
        missed = asyncio.run(compare(path))
    print(f"{missed} goals missed" if missed else "every goal met")


if __name__ == "__main__":
    main()
