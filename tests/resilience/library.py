"""One small input for each importer, made by the demo's own writers and from the payloads of the tests; and importing all of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import musicdb
from musicdb import demo, images, links, load, truth
from musicdb.demo import rekordbox_xml, spotify_export
from musicdb.demo.discogs_account import vinyls
from musicdb.demo.replay import Replay
from musicdb.shapes import Page
from tests import rekordbox_library, test_itunes, test_traktor

PAYLOADS = Path(__file__).parents[1] / "payloads"
FIRST = datetime(2024, 3, 1, tzinfo=UTC)
CSV = "Catalog#,Artist,Title,Label,Format,Rating,Released,release_id,CollectionFolder,Date Added\n"
ACCOUNTS = ("spotify", "tidal", "discogs")


def make(folder: Path, plays: int = 300) -> dict[str, Path]:
    """Write the inputs below `folder`; returns {name: path}, where the name begins with the platform's."""
    folder.mkdir(parents=True, exist_ok=True)
    music = folder / "music"
    music.mkdir(exist_ok=True)
    sounds = sorted(path for path in (Path(demo.__file__).parent / "sounds").iterdir() if path.suffix != ".md")
    for n, sound in enumerate(sounds * 2):
        shutil.copyfile(sound, music / f"{n:02} {sound.name}")
    (music / "empty.mp3").write_bytes(b"")
    moments = [FIRST + timedelta(minutes=7 * n) for n in range(plays)]
    listen, scrobble, old = (sample(*names) for names in (("listenbrainz", "listen"), ("maloja", "scrobble"), ("koito", "listen")))
    texts = {
        "listenbrainz.jsonl": "".join(json.dumps(listen | {"listened_at": int(at.timestamp())}) + "\n" for at in moments),
        "lastfm.csv": "artist,track,uts\n" + "".join(f"Moss,Slow Tide {n % 9},{at:%s}\n" for n, at in enumerate(moments)),
        "maloja.json": json.dumps({"maloja": {"export_time": 1}, "scrobbles": [scrobble | {"time": int(at.timestamp())} for at in moments]}),
        "koito.json": json.dumps(
            {"version": "1", "exported_at": "2025-06-18T12:56:53Z", "user": "ada", "listens": [old | {"listened_at": f"{at:%Y-%m-%dT%H:%M:%SZ}"} for at in moments]}
        ),
        "discogs.csv": CSV + "".join(f"CAT-{n},Moss,Record {n},Low,LP,,2001,{vinyl.id},Uncategorized,2020-01-01 10:00:00\n" for n, vinyl in enumerate(vinyls().values())),
    }
    texts["m3u.m3u8"] = "#EXTM3U\n" + "".join(f"#EXTINF:30,Moss - {path.stem}\n{path}\n" for path in sorted(music.iterdir()))
    texts["traktor.nml"] = test_traktor.nml()
    lists = {"Tracks": test_itunes.TRACKS, "Playlists": test_itunes.LISTS}
    texts["itunes.xml"] = test_itunes.HEAD + "".join(f"<key>{name}</key>{test_itunes.plist(value)}" for name, value in lists.items()) + "</dict></plist>"
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    rekordbox_library.small(folder / "rekordbox.db", key=True)
    (folder / "rekordbox.xml").write_bytes(rekordbox_xml.xml(music, {}))
    (folder / "spotify.zip").write_bytes(spotify_export.archive())
    return found(folder)


def found(folder: Path) -> dict[str, Path]:
    """The inputs that `make` wrote there."""
    return {"files": folder / "music"} | {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}


def sample(platform: str, kind: str) -> Any:
    return json.loads((PAYLOADS / platform / f"{kind}.json").read_text("utf-8"))


def sources(inputs: dict[str, Path]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """(name, run(db)) of each import; accounts are read through the real clients from a server on this computer, with one login each."""
    for name, path in inputs.items():
        yield name, partial(_file, name.partition(".")[0], path)
    for platform in ACCOUNTS:
        yield f"{platform} account", partial(_account, platform)


def _file(platform: str, path: Path, db: musicdb.db.Database) -> Any:
    return load.run(db, platform, path)


def _account(platform: str, db: musicdb.db.Database) -> Any:
    with Replay() as replay:
        return load.run(db, platform, endpoint=replay.endpoint(platform), token=getattr(replay, platform).login())


def derive(db: musicdb.db.Database) -> None:
    links.link(db)
    truth.resolve(db)
    images.select(db)


def cut(fetch: Callable[..., Iterator[Any]], size: int = 10) -> Callable[..., Iterator[Any]]:
    """The same pages cut small: more places to die at."""
    def small(*args: Any, **options: Any) -> Iterator[Any]:
        for page in fetch(*args, **options):
            if not isinstance(page, Page) or len(page.payloads) <= size or page.cursor is not None:
                yield page
                continue
            step = size * 20 if "play" in page.kind or "listen" in page.kind or "scrobble" in page.kind else size
            for at in range(0, len(page.payloads), step):
                yield replace(page, payloads=page.payloads[at : at + step], seen=page.seen if at == 0 else ())

    return small
