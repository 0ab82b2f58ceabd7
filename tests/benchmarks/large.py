"""A large library written straight into the tables, for benchmarks of pages: `build(path, tracks, listens)`.

Shaped like a real one, so that every question has an answer: most tracks are files, a third is only streamed, some are known to one platform, a
few lack tempo and key, lengths differ here and there, a code stands on two tracks; six observations a track, covers of half of the albums.
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import musicdb

WORDS = [f"{a}{b}" for a in "night river stone paper golden velvet silent winter neon marble".split() for b in "fall light song dance wave drift fire field".split()]
USUAL = ("local", "rekordbox", "spotify", "tidal", "discogs", "listenbrainz")
STREAMED = ("spotify", "tidal", "discogs", "listenbrainz", "spotify", "tidal")  # twice on a service: album and single
NO_DJ = ("local", "spotify", "tidal", "listenbrainz", "spotify", "tidal")
ALONE = ("spotify",) * 6
NOW = "2026-01-01T00:00:00Z"


def shelves(i: int) -> tuple[str, ...]:
    """Who knows track i."""
    return ALONE if i % 200 == 7 else STREAMED if i % 10 in (6, 7) else NO_DJ if i % 10 == 8 else USUAL


def build(path: Path, tracks: int, listens: int) -> None:
    pick = random.Random(3)
    artists, albums = max(tracks // 12, 1), max(tracks // 10, 1)
    title = [" ".join(pick.choices(WORDS, k=2)).title() for _ in range(tracks)]
    name = [" ".join(pick.choices(WORDS, k=2)).title() + f" {i}" for i in range(artists)]
    length = [pick.randrange(120_000, 480_000) for _ in range(tracks)]
    bpm = [None if i % 40 == 11 else round(pick.uniform(80, 160), 2) for i in range(tracks)]
    key = [None if i % 40 == 11 else f"{pick.randrange(1, 13)}{'AB'[i % 2]}" for i in range(tracks)]
    with musicdb.open(path) as db:
        write = db.conn.executemany
        db.execute("pragma synchronous = off")
        with db.atomic():
            write("insert into artist_ids(id, artist_uid) values (?, ?)", ((i + 1, f"a{i}") for i in range(artists)))
            write("insert into artists(id, name, name_norm) values (?, ?, ?)", ((i + 1, name[i], name[i].lower()) for i in range(artists)))
            write("insert into release_group_ids(id, release_group_uid) values (?, ?)", ((i + 1, f"r{i}") for i in range(albums)))
            write("insert into release_groups(id, title, title_norm, primary_artist_id, year) values (?, ?, ?, ?, ?)",
                  ((i + 1, f"{title[i]} {i}", f"album {i}", i % artists + 1, 1960 + i % 65) for i in range(albums)))  # fmt: skip
            write("insert into track_ids(id, track_uid) values (?, ?)", ((i + 1, f"t{i}") for i in range(tracks)))
            columns = "id, title, artist_credit, release_group_id, duration_ms, year, bpm, musical_key, rating, title_norm, match_key, sources"
            write(f"insert into tracks({columns}) values (?,?,?,?,?,?,?,?,?,?,?,?)",
                  ((i + 1, title[i], name[i % artists], i % albums + 1, length[i], 1960 + pick.randrange(65), bpm[i], key[i], pick.choice((None, None, 3, 4, 5)),
                    title[i].lower(), f"{title[i].lower()}|{i}", '{"title":"tidal","year":"discogs","bpm":"rekordbox"}') for i in range(tracks)))  # fmt: skip
            write("insert into track_artists(track_id, artist_id) values (?, ?)", ((i + 1, i % artists + 1) for i in range(tracks)))
            write("insert into images(id, sha256, mime_type, width, height) values (?, ?, 'image/jpeg', 600, 600)", ((i + 1, f"{i:064x}") for i in range(albums // 2)))
            write("insert into image_links(image_id, release_group_id, is_selected) values (?, ?, 1)", ((i + 1, 2 * i + 1) for i in range(albums // 2)))
        with db.atomic():
            genres = [row[0] for row in db.execute("select genre from genre_parents limit 120")]
            write("insert into genre_ids(id, genre_uid) values (?, ?)", ((i + 1, f"g{i}") for i in range(len(genres))))
            write("insert into genres(id, name, name_norm) values (?, ?, ?)", ((i + 1, genre, genre.lower()) for i, genre in enumerate(genres)))
            write("insert or ignore into track_genres(track_id, genre_id, platform) values (?, ?, ?)",
                  ((i + 1, pick.randrange(len(genres)) + 1, p) for i in range(tracks) for p in ("local", "discogs")))  # fmt: skip
            write("insert into tags(id, grp, name) values (?, 'Mood', ?)", ((i + 1, f"Tag {i}") for i in range(20)))
            write("insert or ignore into track_tags(track_id, tag_id) values (?, ?)", ((pick.randrange(tracks) + 1, pick.randrange(20) + 1) for _ in range(tracks // 5)))

            def observed():
                for n in range(tracks * 6):
                    i, slot = n % tracks, n // tracks
                    p = shelves(i)[slot]
                    again = slot - shelves(i).index(p)  # 0 = the first of this platform
                    said = {"title": title[i], "artists": [name[i % artists]], "year": 1960 + (i + (p == "discogs" and i % 7 == 0)) % 65, "genres": ["House"]}
                    if bpm[i]:
                        said |= {"bpm": bpm[i], "musical_key": key[i]}
                    if p == "discogs":
                        said |= {"position": "A1", "track_no": 1, "disc_no": 1}
                    if p == "rekordbox" and i % 3:
                        said["cues"] = [{"type": "hot_cue", "num": n, "start_ms": 20_000 * n, "name": "in"} for n in range(4)]
                    ms = length[i] + pick.randrange(-900, 900) + (30_000 if p == "tidal" and i % 300 == 4 else 0)
                    yield (n + 1, p, f"x{i:07d}" + "b" * again, title[i], json.dumps([name[i % artists]]), f"Album {i % albums}", ms,
                           f"ZZ{i - (i % 500 == 1):010d}", f"{title[i].lower()}|{i}", f"r{i % albums}" if p == "discogs" else None,
                           NOW if again and i % 50 == 6 else None, json.dumps(said), json.dumps({"id": n, "name": title[i], "markets": ["AA", "BB"] * 40}))  # fmt: skip

            columns = "id, platform, external_id, title, artists, album, duration_ms, isrc, match_key, release_external_id, missing_since, said, metadata"
            write(f"insert into platform_tracks({columns}) values (?,?,?,?,?,?,?,?,?,?,?,?,?)", observed())
        with db.atomic():
            write("insert into track_links(platform_track_id, auto_track_id, assigned_track_id, track_id, status, method, confidence) values (?,?,?,?,?,?,?)",
                  ((n + 1, *[n % tracks + 1] * 3, "auto" if n % 500 else "confirmed", "key", 90) for n in range(tracks * 6)))  # fmt: skip
            fields = (("year", "discogs", 7, 0), ("duration_ms", "tidal", 300, 4))
            write("insert into disagreements(track_id, field) values (?, ?)",
                  ((i + 1, field) for i in range(tracks) for field, p, every, rest in fields if i % every == rest and p in shelves(i)))  # fmt: skip
            write("insert into platform_releases(id, platform, external_id, title, said) values (?, 'discogs', ?, ?, ?)",
                  ((i + 1, f"r{i}", f"Album {i}", json.dumps({"artists": [name[i % artists]], "label": f"Label {i % 90}", "year": 1990})) for i in range(albums)))  # fmt: skip
            write("insert into collection_items(platform_release_id, status, platform, instance_id, purchase_price, currency) values (?, ?, 'discogs', ?, ?, 'EUR')",
                  ((i + 1, "owned" if i % 3 else "wanted", str(i), 10 + i % 30) for i in range(min(1000, albums))))  # fmt: skip
            write("insert into platform_playlists(id, platform, external_id, name, kind) values (?, 'spotify', ?, ?, ?)",
                  ((i + 1, f"p{i}", f"List {i}", "liked" if i == 0 else "playlist") for i in range(500)))  # fmt: skip
            spotify = [n + 1 for n in range(tracks * 6) if shelves(n % tracks)[n // tracks] == "spotify"]
            write("insert into platform_playlist_items(platform_playlist_id, position, platform_track_id, added_at, first_seen_at) values (?,?,?,?,'2020-01-01T00:00:00Z')",
                  ((i % 500 + 1, i // 500, pick.choice(spotify), f"20{15 + i % 10}-0{i % 9 + 1}-01T00:00:00Z") for i in range(tracks // 2)))  # fmt: skip
            write("insert into playlists(id, name) values (?, ?)", ((i + 1, f"Own {i}") for i in range(200)))
            write("insert into playlist_items(playlist_id, sort_key, track_id, added_at) values (?, ?, ?, ?)",
                  ((i % 200 + 1, f"{i // 200:06}", pick.randrange(tracks) + 1, NOW) for i in range(tracks // 5)))  # fmt: skip
        with db.atomic():
            start, step = 1_420_000_000, 315_000_000 // max(listens, 1)
            stamp = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start + n * step)) for n in range(listens)]
            write("insert into listens_raw(id, user_id, platform, source_item, listened_at, ingested_at, payload) values (?, 1, 'spotify', ?, ?, ?, '{}')",
                  ((n + 1, str(n), stamp[n], NOW) for n in range(listens)))  # fmt: skip
            write("insert into listens(id, raw_id, user_id, platform, track_external_id, listened_at, ms_played) values (?, ?, 1, 'spotify', ?, ?, 200000)",
                  ((n + 1, n + 1, f"x{int(tracks * 0.95 * pick.random() ** 2):07d}", stamp[n]) for n in range(listens)))  # fmt: skip
        from musicdb.listens import rollups

        rollups.refresh(db)
        db.execute("analyze")
