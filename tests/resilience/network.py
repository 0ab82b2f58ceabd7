"""Figure 8. python -m tests.resilience.network [faults] [seed]: every scripted fault at every request of every account's client.

For Spotify, Tidal, Discogs, ListenBrainz and Last.fm: the n-th request of an import, and every one after it until the run ends, goes wrong in one of the ways of
tests/streaming.py; or only that one does. It is tried on an empty database and, with --all, on a whole one. Whatever happens, nothing that was
known is marked as gone, a run that ends without a word has everything, and one more quiet run ends with the content of a run that nothing
disturbed. `faults`: how many of all (client, fault, request, database) to try, 0 for all. Exits 1 otherwise.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import musicdb
from musicdb import net
from musicdb.demo.replay import Replay, Request
from musicdb.errors import SourceError
from tests import scrobble_services
from tests.resilience import library
from tests.streaming import FAULTS, content, run

ACCOUNTS = (*library.ACCOUNTS, "listenbrainz", "lastfm")

GONE = (
    "select (select count(*) from platform_tracks where missing_since is not null) + (select count(*) from platform_releases where missing_since is not null) "
    "+ (select count(*) from platform_playlists where missing_since is not null) + (select count(*) from platform_playlist_items where removed_at is not null) "
    "+ (select count(*) from collection_items where removed_at is not null)"
)
SAID = ("quarantine", "observation_changes", "unfinished")
MB = {"mb": 12}  # above the cap that `short_patience` sets, and soon sent


class Diary(scrobble_services.Service):
    """ListenBrainz or Last.fm as an account of the replay server."""

    def __init__(self, name: str):
        self.name, self.plays, self.loved, self.most, self.playing = name, scrobble_services.plays(450), scrobble_services.plays(3), 200, False
        self.headers: list[dict[str, Any]] = []

    def login(self) -> dict[str, str]:
        return {"token" if self.name == "listenbrainz" else "api_key": scrobble_services.TOKEN, "user": "ada"}

    def answer(self, request: Request) -> Any:
        self.headers = [{"Authorization": request.headers.get("authorization")}]
        return self.content(f"/{request.path}", request.query, None)


def server() -> Replay:
    made = Replay()
    made.accounts |= {name: Diary(name) for name in ACCOUNTS if name not in made.accounts}
    return made


def without_words(found: dict[str, Any]) -> dict[str, Any]:
    return {name: rows for name, rows in found.items() if name not in SAID}


def tried(platform: str, path: Path, fault: str, n: int, times: int, quiet: dict[str, Any], whole: bool) -> list[str]:
    """What is wrong with a run in which the n-th request fails, and the quiet one after it."""
    kind, options = FAULTS[fault]
    bad = []
    with server() as replay, musicdb.open(path) as db:
        replay.fault(kind, f"^{platform}/", n=n, times=times, **options | (MB if "mb" in options else {}))
        silent = False
        try:
            report = run(db, replay, platform, all=whole)
            silent = not report.notes
        except SourceError as error:
            if not str(error):
                bad.append("an error without a word")
        if db.value(GONE):
            bad.append("something was marked as gone")
        if silent and not whole and without_words(content(db)) != quiet:
            bad.append("called complete with something missing")
        replay.clear()
        run(db, replay, platform, all=True)
        if without_words(content(db)) != quiet:
            bad.append("a quiet run after it ends with other content")
        if db.value(GONE):
            bad.append("the quiet run marked something as gone")
    return bad


def main(count: int, seed: int) -> int:
    pick, bad, ways = random.Random(seed), [], []
    own = net.requests_session

    def limited(*_: Any, **options: Any) -> Any:
        """Limits that a campaign can wait for."""
        return own((0.5, 0.25), **options | {"deadline_s": 0.4, "cap": 8 << 20})

    with tempfile.TemporaryDirectory() as folder, mock.patch.object(net, "requests_session", limited), mock.patch.object(net, "pause", lambda s: None):
        root = Path(folder)
        quiet = {}
        for platform in ACCOUNTS:
            with server() as replay, musicdb.open(root / f"{platform}.db") as db:
                run(db, replay, platform)
                quiet[platform], requests = without_words(content(db)), len(replay.log)
            ways += [(platform, fault, n, times, whole) for fault in FAULTS for n in range(1, requests + 1) for times in (1, 999) for whole in (False, True)]
        musicdb.open(root / "empty.db").close()
        for platform, fault, n, times, whole in pick.sample(ways, min(count, len(ways))) if count else ways:
            shutil.copyfile(root / (f"{platform}.db" if whole else "empty.db"), root / "now.db")
            found = tried(platform, root / "now.db", fault, n, times, quiet[platform], whole)
            bad += [f"{platform}, {fault} at request {n} ({times} times, {'whole' if whole else 'empty'}): {what}" for what in found]
            for part in root.glob("now.db*"):
                part.unlink()
    print(*bad, sep="\n")
    print(f"figure 8: {count or len(ways)} of {len(ways)} faults of {len(ACCOUNTS)} clients (seed {seed}): {len(bad)} called complete, marked as gone or lost")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0, int(sys.argv[2]) if len(sys.argv) > 2 else 1))
