"""A fictional library as real inputs: tagged audio files, a Rekordbox XML, a Spotify export, and the database made from them.

    report = musicdb.demo.run("demo")          # writes demo/Music, demo/rekordbox.xml, demo/rekordbox/master.db, demo/spotify_export.zip, demo/music.db

All people, labels and songs are invented. `answers.truth()` knows which song each file, track and stream really is.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import BadInput

Progress = Callable[[int, int | None, str], object]
MARKER = "about this folder.txt"
ABOUT = """musicdb demo

Made by `musicdb demo`: a fictional music library, its inputs (Music, rekordbox.xml, rekordbox/master.db,
spotify_export.zip) and the database made from
them (music.db). Everything in it is invented. `musicdb demo` makes it again; the folder can be deleted at any time.
"""


@dataclass(frozen=True)
class Inputs:
    """Where the inputs of the demo are."""

    directory: Path
    music: Path
    rekordbox: Path
    played: Path
    spotify: Path

    @property
    def database(self) -> Path:
        return self.directory / "music.db"


@dataclass
class Report:
    """What the demo did: the import reports by platform, link and resolve reports, changed cover links, things to look at."""

    inputs: Inputs
    imports: dict[str, Any] = field(default_factory=dict)
    linked: Any = None
    resolved: Any = None
    covers: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    sights: list[Any] = field(default_factory=list)


def build(directory: str | os.PathLike[str], progress: Progress | None = None) -> Inputs:
    """Write the inputs into a folder, the same bytes each time; what is there already is left alone.

    Raises BadInput where the folder holds something that is no demo, or cannot be written.
    """
    from . import music, rekordbox_history, rekordbox_xml, spotify_export

    directory = Path(directory).expanduser().absolute()
    _claim(directory)
    inputs = Inputs(
        directory, directory / "Music", directory / "rekordbox.xml", directory / "rekordbox" / "master.db", directory / "spotify_export.zip"
    )
    sizes = music.write(inputs.music, progress)
    music.put(inputs.rekordbox, rekordbox_xml.xml(inputs.music, sizes))
    music.put(inputs.played, rekordbox_history.database())
    music.put(inputs.spotify, spotify_export.archive())
    return inputs


def run(
    directory: str | os.PathLike[str], *, progress: Progress | None = None, echo: Callable[[str], object] | None = None
) -> Report:
    """Build the inputs, import them into DIRECTORY/music.db as a person would import their own, link, resolve, look for sights.

    progress(done, total or None, what) is called as it goes, echo(line) with each finding. A second run changes nothing.
    Raises BadInput as `build` does.
    """
    from .. import images, links, listens, load, truth
    from .. import open as open_database
    from ..links import releases
    from ..listens import flagging
    from .rekordbox_history import TIME_ZONE
    from .sights import counts, sights

    say = echo or (lambda line: None)
    report = Report(build(directory, progress))
    inputs = report.inputs
    uids = random.Random("musicdb demo")
    db = open_database(inputs.database, uid=lambda: f"{uids.getrandbits(64):016x}")
    try:
        # Identities that an earlier run gave out are not given out again.
        for table in ("track_ids", "artist_ids", "release_group_ids", "label_ids", "genre_ids"):
            for _ in range(db.value(f"select count(*) from {table}")):
                uids.getrandbits(64)
        for platform, source in (("files", inputs.music), ("rekordbox", inputs.rekordbox), ("spotify", inputs.spotify)):
            report.imports[platform] = load.run(db, platform, source, progress=progress)
            say(report.imports[platform].line())
        played = load.run(db, "rekordbox", inputs.played, plays_only=True, time_zone=TIME_ZONE, progress=progress)
        report.imports["rekordbox history"] = played
        say(f"{played.line()} (history)")
        report.imports |= import_accounts(db, progress, say)
        report.linked = links.link(db, progress)
        report.resolved = truth.resolve(db, progress=progress)
        releases.propose(db)
        report.covers = images.select(db)
        flagging.mark(db, progress=progress)
        listens.freshen(db)
        report.counts = counts(db)
        report.sights = sights(db)
    finally:
        db.close()
    say("library: " + ", ".join(f"{number} {what}" for what, number in report.counts.items()))
    if report.sights:
        say("Worth looking at:")
    for number, sight in enumerate(report.sights, 1):
        say(f"{number}. {sight.text}")
    return report


def import_accounts(db, progress: Progress | None = None, say: Callable[[str], object] = str) -> dict[str, Any]:
    """Import the fictional person's accounts through the real clients, from a server on this computer that plays the platforms."""
    from .. import load
    from ..images import artwork
    from .replay import Replay

    reports = {}
    with Replay() as replay:
        for platform in ("spotify", "tidal", "discogs"):
            login = getattr(replay, platform).login()
            reports[f"{platform} account"] = load.run(db, platform, endpoint=replay.endpoint(platform), token=login, progress=progress)
            say(f"{reports[f'{platform} account'].line()} (account)")
        fetched = artwork.fetch(db, progress=progress, **replay.pictures())
        say(f"covers: {fetched.fetched} fetched")
    return reports


def _claim(directory: Path) -> None:
    marker = directory / MARKER
    if directory.is_file():
        raise BadInput(f"{directory} is a file; give a folder, for example --dir {directory.with_name('musicdb-demo')}")
    try:
        if directory.is_dir() and any(directory.iterdir()) and not marker.is_file():
            raise BadInput(
                f"{directory} holds something else; give an empty or new folder, for example --dir {directory / 'demo'}"
            )
        directory.mkdir(parents=True, exist_ok=True)
        if not marker.is_file():
            marker.write_text(ABOUT, encoding="utf-8", newline="\n")
    except OSError as error:
        raise BadInput(f"the demo cannot be written to {directory}: {error.strerror or error}") from error
