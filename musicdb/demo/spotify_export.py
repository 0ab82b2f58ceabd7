"""Writes the Spotify privacy export of the fictional library: account data and extended streaming history in one zip.

The listener gets up late, walks to work, listens to whole records in the evening, to techno before the weekend and to the same
eight songs for weeks on end. Three years of that, with podcasts and one audiobook.
"""

from __future__ import annotations

import io
import json
import math
import random
import zipfile
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

from musicdb.demo import views
from musicdb.demo.library import library
from musicdb.demo.views import BASE62, Stream

FIRST_DAY, DAYS = datetime(2021, 10, 4, tzinfo=UTC), 1096
SHOWS = (
    ("The Locked Groove", "Quince", ("Why 133 1/3", "Run-out Messages", "Cutting Rooms of the North")),
    (
        "Two Kettles",
        "Hearthside Radio",
        ("On Tea and Tuning", "The Flooded Valley, Part 1", "The Flooded Valley, Part 2"),
    ),
    ("港の話", "波止場ラジオ", ("第一回", "第二回")),
)
BOOK = ("The Cartographer's Other Daughter", ("Chapter 1", "Chapter 2", "Chapter 3", "Chapter 4"))
DEVICES = ("ios", "ios", "ios", "osx", "web_player windows 10", "Partner google cast_tv")


def archive() -> bytes:
    """The zip file. The same bytes each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in _documents():
            entry = zipfile.ZipInfo(name, date_time=(2024, 10, 20, 9, 30, 0))
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            entry.external_attr = 0o644 << 16
            file.writestr(entry, json.dumps(content, ensure_ascii=False, indent=2))
    return out.getvalue()


def _documents():
    account, history = "Spotify Account Data", "Spotify Extended Streaming History"
    yield f"{account}/YourLibrary.json", your_library()
    yield f"{account}/Playlist1.json", {"playlists": playlists()}
    found = listens()
    for number, (a, b) in enumerate(pairwise(("2021", "2022", "2023", "2024", "2025"))):
        part = [listen for listen in found if a <= listen["ts"] < b]
        yield f"{history}/Streaming_History_Audio_{a}_{number}.json", part


def your_library() -> dict:
    """YourLibrary.json: saved tracks, albums, shows, episodes, artists."""
    saved = [stream for stream in views.streams() if stream.saved]
    lib, rng = library(), random.Random("spotify library")
    albums = {stream.album: stream.artist for stream in saved}
    records = [record for record in lib.records.values() if record.title in albums and rng.random() < 0.5]
    return {
        "tracks": [{"artist": s.artist, "album": s.album, "track": s.title, "uri": s.uri} for s in reversed(saved)],
        "albums": [{"artist": r.artist, "album": r.title, "uri": f"spotify:album:{_id(rng)}"} for r in records],
        "shows": [{"name": name, "publisher": by, "uri": f"spotify:show:{_id(rng)}"} for name, by, _ in SHOWS],
        "episodes": [{"name": SHOWS[0][2][0], "show": SHOWS[0][0], "uri": _episode(SHOWS[0][0], SHOWS[0][2][0])}],
        "bannedTracks": [],
        "artists": [{"name": r.artist, "uri": f"spotify:artist:{_id(rng)}"} for r in records[::3]],
        "bannedArtists": [],
        "other": [],
    }


def playlists() -> list[dict]:
    """Playlist1.json: eight of them; one is empty, one holds an episode and a local file, several hold a song twice."""
    lib, rng, all_ = library(), random.Random("spotify playlists"), list(views.streams())
    folk = [s for s in all_ if lib.songs[s.song].kind == "folk"]
    dub = [s for s in all_ if lib.songs[s.song].kind == "dub"]
    slow = [s for s in folk if lib.songs[s.song].bpm < 100]
    lights = [s for s in all_ if "Harbour Lights" in s.title or "Nightfall" in s.title]
    sunday = rng.sample(folk, 34)
    sunday += [sunday[3], sunday[3], sunday[11]]
    found = [
        ("Sunday, slowly", "for the kettle", sunday),
        ("Night Ferry", "what I play on the way home", rng.sample(dub, 26)),
        ("Same title, other song", None, lights + lights[:1]),
        ("Walking", "", rng.sample(all_, 48)),
        ("Lullabies for Åsa 🌙", None, rng.sample(slow, 12)),
        ("<b>not bold</b> & 'quoted'", "a name is a name", rng.sample(all_, 7)),
        ("Discoveries 2023", None, rng.sample([s for s in all_ if not s.saved], 15)),
        ("New Playlist", None, []),
    ]
    out = []
    for name, description, streams in found:
        day = FIRST_DAY + timedelta(days=rng.randrange(200))
        items = []
        for stream in streams:
            day = min(day + timedelta(days=rng.randrange(0, 18)), FIRST_DAY + timedelta(days=DAYS))
            track = {
                "trackName": stream.title,
                "artistName": stream.artist,
                "albumName": stream.album,
                "trackUri": stream.uri,
            }
            items.append(_item(day, track=track))
        if name == "Walking":
            show, _, episodes = SHOWS[1]
            said = {"episodeName": episodes[0], "showName": show, "episodeUri": _episode(show, episodes[0])}
            items.insert(5, _item(day, episode=said))
            local = {"uri": "spotify:local:Wren+%26+Tallow:Candle+Hours:Wick+%28Demo%29:141"}
            items.insert(9, _item(day, local=local))
        out.append(
            {
                "name": name,
                "lastModifiedDate": f"{day:%Y-%m-%d}",
                "collaborators": [],
                "items": items,
                "description": description,
                "numberOfFollowers": rng.choice((0, 0, 1, 4)),
            }
        )
    return out


def _item(day: datetime, track=None, episode=None, local=None) -> dict:
    return {"track": track, "episode": episode, "audiobook": None, "localTrack": local, "addedDate": f"{day:%Y-%m-%d}"}


@cache  # every account that answers asks for them
def listens() -> tuple[dict, ...]:
    """The extended history: about 5,000 plays in order, as Spotify writes them; to be read only. ts is the moment at which a play ended."""
    lib, rng = library(), random.Random("spotify listens")
    streams = views.streams()
    love = {s.uri: (1.8 if s.saved else 0.4) * min(rng.paretovariate(1.3), 9) for s in streams}
    folk = [s for s in streams if lib.songs[s.song].kind == "folk"]
    dub = [s for s in streams if lib.songs[s.song].kind == "dub"]
    albums: dict[str, list[Stream]] = {}
    for stream in streams:
        albums.setdefault(stream.album, []).append(stream)
    loop: list[Stream] = []
    out: list[dict] = []
    for number in range(DAYS):
        day = FIRST_DAY + timedelta(days=number)
        if number % 24 == 0:
            loop = _weighted(rng, streams, love, 8)  # what cannot be got out of one's head this month
        if rng.random() < 0.16 or number % 365 in range(290, 303):
            continue  # a day without music, and the walking holiday
        weekend = day.weekday() >= 5
        sessions = []
        if not weekend and rng.random() < 0.5:
            sessions.append((7.4, "shuffle", _weighted(rng, folk, love, 3) + rng.sample(loop, 2)))
        if rng.random() < 0.4:
            first = _weighted(rng, streams, love, 1)[0]
            sessions.append((20.2, "album", albums[first.album][:9]))
        if day.weekday() in (4, 5) and rng.random() < 0.45:
            sessions.append((22.6, "shuffle", _weighted(rng, dub, love, 5)))
        end = day
        for hour, way, chosen in sessions:
            end = max(end, day + timedelta(hours=hour, minutes=rng.gauss(0, 25), seconds=rng.randrange(60)))
            device = rng.choice(DEVICES)
            for place, stream in enumerate(chosen):
                skipped = way == "shuffle" and rng.random() < 0.14
                played = rng.uniform(2, 40) if skipped else stream.seconds
                end += timedelta(seconds=played + rng.uniform(0, 2))
                start = "clickrow" if place == 0 else "trackdone" if not skipped else "fwdbtn"
                out.append(_listen(end, device, played, way == "shuffle", skipped, start, rng, stream=stream))
        if rng.random() < 0.07:
            show, _, episodes = rng.choice(SHOWS)
            end += timedelta(minutes=rng.uniform(12, 45))
            out.append(
                _listen(
                    end,
                    "ios",
                    rng.uniform(400, 2400),
                    False,
                    False,
                    "clickrow",
                    rng,
                    episode=(show, rng.choice(episodes)),
                )
            )
        if number in range(700, 712, 3):
            end += timedelta(minutes=40)
            out.append(_listen(end, "ios", 2300, False, False, "clickrow", rng, chapter=BOOK[1][(number - 700) // 3]))
    return tuple(sorted(out, key=lambda listen: listen["ts"]))


def _weighted(rng: random.Random, pool, love: dict[str, float], count: int) -> list[Stream]:
    # Without repeats: the largest of u ** (1 / weight) (Efraimidis and Spirakis).
    ranked = sorted(pool, key=lambda s: math.log(rng.random()) / love[s.uri], reverse=True)
    return ranked[:count]


def _listen(end, device, seconds, shuffle, skipped, start, rng, *, stream=None, episode=None, chapter=None) -> dict:
    offline = device == "ios" and rng.random() < 0.08
    return {
        "ts": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "platform": device,
        "ms_played": int(seconds * 1000),
        "conn_country": "ZZ",
        "ip_addr": None,
        "master_metadata_track_name": stream.title if stream else None,
        "master_metadata_album_artist_name": stream.artist if stream else None,
        "master_metadata_album_album_name": stream.album if stream else None,
        "spotify_track_uri": stream.uri if stream else None,
        "episode_name": episode[1] if episode else None,
        "episode_show_name": episode[0] if episode else None,
        "spotify_episode_uri": _episode(*episode) if episode else None,
        "audiobook_title": BOOK[0] if chapter else None,
        "audiobook_uri": "spotify:show:" + _id(random.Random(BOOK[0])) if chapter else None,
        "audiobook_chapter_uri": _episode(BOOK[0], chapter) if chapter else None,
        "audiobook_chapter_title": chapter,
        "reason_start": start,
        "reason_end": "fwdbtn" if skipped else "trackdone",
        "shuffle": shuffle,
        "skipped": skipped,
        "offline": offline,
        "offline_timestamp": int(end.timestamp() - seconds) if offline else None,
        "incognito_mode": False,
    }


def _id(rng: random.Random) -> str:
    return "".join(rng.choices(BASE62, k=22))


def _episode(show: str, name: str) -> str:
    return "spotify:episode:" + _id(random.Random(f"episode {show} {name}"))
