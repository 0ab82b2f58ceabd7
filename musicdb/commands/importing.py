"""Commands that observe, link and decide: import PLATFORM, link, resolve."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from musicdb.commands import base
from musicdb.errors import BadInput


@dataclass(frozen=True)
class Source:
    """How a platform's import command looks: its argument ("PATH...", "[PATH]"), help, examples, and options of its own."""

    argument: str
    help: str
    examples: tuple[str, ...]
    options: tuple[Callable[..., Any], ...] = ()
    paths: bool = True  # what is given is a path on this machine
    asks: bool = False  # without an argument the platform itself says where to get one


# The platforms whose command is not the plain one. A platform file that is not named here gets `plain` and needs no line.
SOURCES = {
    "files": Source(
        "[PATH]...",
        "Read the tags, lengths and covers of audio files.\n\n"
        "Files that did not change since last time are skipped; without a PATH the folders of last time are read again. "
        "Nothing is written to the files. What cannot be read is kept in the table `quarantine` with the reason.",
        ("musicdb import files ~/Music", "musicdb import files ~/Music /media/usb --verify"),
        (click.option("--verify", is_flag=True, help="Read every file whole: SHA-256 and a hash of all audio, which finds duplicates."),),
    ),
    "rekordbox": Source(
        "[PATH]",
        "Read a Rekordbox collection.\n\nTracks, cues, loops, beat grids, MyTags, playlists and folders, plays, artwork. Without a PATH, of "
        "Rekordbox 6 or 7 on this computer: its database is copied and the copy read, nothing is written to it. PATH is a master.db, or what "
        "File > Export Collection in xml format wrote.",
        ("musicdb import rekordbox", "musicdb import rekordbox ~/Documents/rekordbox.xml", "musicdb import rekordbox --time-zone Europe/Berlin"),
        (
            click.option("--share", metavar="FOLDER", help="Where analyses and artwork are, if not in the folder share beside the database."),
            *base.LOCAL_TIMES,
            click.option("--plays-only", is_flag=True, help="Only what was played in sets; tracks and playlists stay as the XML told them."),
        ),
    ),
    "spotify": Source(
        "[EXPORT]",
        "Read a Spotify account, or its privacy export.\n\nWithout an EXPORT, the account (`musicdb login spotify`): liked songs, saved albums, "
        "playlists, top tracks, the last 50 plays. With one, a zip, a folder or a single JSON of what spotify.com/account/privacy sends: both the "
        "account data and the extended streaming history, all years of listening.",
        ("musicdb import spotify", "musicdb import spotify ~/Downloads/my_spotify_data.zip"),
    ),
    "tidal": Source(
        "",
        "Read a Tidal account.\n\nFavourite tracks, albums and artists, playlists in their folders: `musicdb login tidal` first. Tidal gives no export.",
        ("musicdb import tidal",),
        asks=True,
    ),
    "discogs": Source(
        "[CSV]",
        "Read a Discogs collection and wantlist.\n\nWithout a CSV, the account (`musicdb login discogs`): the lists first, then tracklist, "
        "credits, labels and covers of each release, 60 a minute; stop it at any time, the next run goes on there. "
        "With one, the file that discogs.com makes under Dashboard > Export Data, without any account.",
        ("musicdb import discogs", "musicdb import discogs ~/Downloads/collection.csv"),
        (click.option("--details", type=click.IntRange(0), metavar="N", help="Details of at most N releases in this run; 0: the lists alone."),),
        asks=True,
    ),
    "m3u": Source(
        "PATH...",
        "Read lists of files: .m3u and .m3u8.\n\nA list, or a folder of lists, whose folders become playlist folders. Relative paths, drives of "
        "Windows and web addresses are understood, in UTF-8, UTF-16 or Windows-1252; files are joined to yours by their path.",
        ("musicdb import m3u ~/Music/Friday.m3u8", "musicdb import m3u ~/Music/Playlists"),
    ),
    "itunes": Source(
        "[PATH]",
        "Read the library of iTunes or Apple's Music.\n\nTracks, ratings, play counts, playlists, folders, rules of smart playlists. Without a "
        "PATH, the XML in the usual folder; Music writes one with File > Library > Export Library.",
        ("musicdb import itunes", "musicdb import itunes ~/Desktop/Library.xml"),
    ),
    "traktor": Source(
        "[PATH]",
        "Read a Traktor collection.\n\nTracks, cues, loops, beat grids, ratings, play counts, playlists, folders, rules of smart lists. Without a "
        "PATH, that of the newest Traktor on this computer. PATH is a collection.nml, its folder, or an exported playlist.",
        ("musicdb import traktor", "musicdb import traktor ~/Desktop/Friday.nml"),
    ),
    "listenbrainz": Source(
        "[PATH]",
        "Read listens and loved recordings of ListenBrainz.\n\nWithout a PATH, the account (`musicdb login listenbrainz`): what is new, and "
        "whatever an earlier run did not reach. With one, the zip from Settings > Export data, its folder, or a .jsonl or .json of it.",
        ("musicdb import listenbrainz", "musicdb import listenbrainz ~/Downloads/listenbrainz_me_1748738994.zip --user Ada"),
    ),
    "lastfm": Source(
        "[PATH]",
        "Read scrobbles and loved tracks of Last.fm.\n\nWithout a PATH, the account (`musicdb login lastfm`): what is new, and whatever an "
        "earlier run did not reach. With one, a CSV or JSON of the common exporters, a CSV of Libre.fm, loved tracks, or a player's "
        ".scrobbler.log; also a folder or zip of them.",
        ("musicdb import lastfm", "musicdb import lastfm scrobbles.csv --user Ada", "musicdb import lastfm .scrobbler.log --time-zone Europe/Berlin"),
        base.LOCAL_TIMES,
    ),
    "maloja": Source(
        "PATH",
        "Read the scrobbles of a Maloja export.\n\nThe file maloja_export_*.json, or a folder or zip of such files.",
        ("musicdb import maloja maloja_export_2025_10_21.json",),
        asks=True,
    ),
    "koito": Source(
        "PATH",
        "Read the listens of a Koito export.\n\nThe file koito_export_*.json, or a folder or zip of such files.",
        ("musicdb import koito koito_export_1748738994.json",),
        asks=True,
    ),
}


def plain(name: str) -> Source:
    """The command of a platform that has no line of its own above."""
    return Source("[SOURCE]", f"Read from {name}: its account, or the file or folder SOURCE.", (f"musicdb import {name}",))


def platforms() -> list[str]:
    """The platform files there are, without importing one."""
    folder = Path(__file__).resolve().parent.parent / "platforms"
    return sorted(module.name for module in pkgutil.iter_modules([str(folder)]) if not module.name.startswith("_"))


class Importers(base.Group):
    """A command for every platform file, and those added to it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*platforms(), *self.commands]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return importer(name) if name in platforms() else self.commands.get(name)

    def resolve_command(self, ctx: click.Context, args: list[str]):
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            hint = f"; for audio files: musicdb import files {args[0]}" if Path(args[0]).exists() else ""
            raise click.UsageError(f"there is no importer {args[0]!r}; there are {', '.join(platforms())}{hint}")
        return super().resolve_command(ctx, args)


def importer(name: str) -> click.Command:
    """Return the command that imports from one platform."""
    source = SOURCES.get(name) or plain(name)
    many, optional = source.argument.endswith("..."), source.asks or source.argument.startswith("[")
    examples = "\n".join(f"  {line}" for line in source.examples)
    command = base.Command(
        name,
        callback=partial(run_import, name, paths=source.paths),
        help=f"{source.help}\n\nThen links and resolves what came, unless --no-link.\n\n\b\nExample:\n{examples}",
        params=[click.Argument(["sources"], nargs=-1 if many or optional else 1, required=not optional, metavar=source.argument)],
    )
    own = tuple(reversed(source.options))
    for option in (*reversed(COMMON), *own):
        option(command)
    return command


COMMON = (
    click.option("--all", "everything", is_flag=True, help="Read everything again, also what seems unchanged."),
    click.option("--account", metavar="NAME", help="Whose account at the platform it is, where you have several."),
    click.option("--user", metavar="NAME", help="Whose listening it is; without it, the first user."),
    click.option("--no-link", is_flag=True, help="Only store; link and resolve later with `musicdb link`."),
    click.option("--check", is_flag=True, help="Only say what it would change; nothing is stored."),
    click.option("--accept", is_flag=True, help="Let the library follow what is said differently now, also where it trusts another."),
    base.json_option,
)


def run_import(name: str, *, sources: Any, paths: bool, everything: bool, account: str | None, user: str | None, no_link: bool,
               check: bool, accept: bool, as_json: bool, **options: Any) -> None:  # fmt: skip
    """Import from each source in turn, then link and resolve; say one line a source."""
    given = list(sources) if isinstance(sources, tuple) else [sources]
    chosen: list[Any] = [_existing(one) if paths else one for one in given]  # all of them before the first is read
    if len(chosen) > 1 and not SOURCES.get(name, plain(name)).argument.endswith("..."):
        raise click.UsageError(f"import {name} takes one source at a time")
    if not chosen:
        chosen = _folders_of_last_time() if name == "files" else [None]
    if check and (accept or no_link):
        raise click.UsageError("--check stores nothing: it goes with neither --accept nor --no-link")
    if accept and no_link:
        raise click.UsageError("--accept needs the links: leave out --no-link")
    common = {"account": account, "user": user, "all": everything}
    if check:
        _rehearse(name, chosen, as_json, common | options)
        return
    _daily_backup()
    from musicdb import load
    from musicdb.listens import metrics
    from musicdb.truth import upstream

    with base.database(create=True) as db, base.progress(not as_json) as step:
        newest = db.value("select max(id) from observation_changes") or 0
        reports = [load.run(db, name, source, progress=step, **common, **options) for source in chosen]
        linked = None if no_link else link_and_resolve(db, step)
        if no_link:
            metrics.collect(db)  # numbers of what was linked before: the next import would write over them
        if accept and (news := {row.id for row in upstream.changes(db, reports[0].platform, after=newest, limit=-1)}):
            reports[0].notes.append(f"{upstream.accept(db, sorted(news)):,} values follow {reports[0].platform} from now on; `musicdb undo` takes that back")
        unmatched = db.one(UNMATCHED, {"platform": reports[0].platform})
    if as_json:
        imports = [report.as_dict() for report in reports]
        base.say_json({"database": str(db.path), "imports": imports, "unmatched": dict(unmatched), "linked": linked})
        return
    for source, report in zip(chosen, reports, strict=True):
        base.say(report.line() + (f" ({source})" if len(chosen) > 1 else ""))
        for remark in report.notes:
            base.say(f"  note: {remark}")
    if linked:
        base.say(_said_linked(linked["link"]))
        without = f"{unmatched.library:,} of {reports[0].platform} without a track"
        heard = f", {unmatched.heard:,} more were only heard" if unmatched.heard else ""
        base.say(f"library: {linked['tracks']:,} tracks; {without}{heard}")
    base.say(f"next: {_next(reports, no_link)}")


def _rehearse(name: str, chosen: list[Any], as_json: bool, options: dict[str, Any]) -> None:
    """Say what an import would change, source by source."""
    from musicdb.truth import upstream

    with base.database() as db, base.progress(not as_json) as step:
        found = [upstream.rehearse(db, name, source, progress=step, **options) for source in chosen]
    if as_json:
        base.say_json({"check": [{"report": report.as_dict(), "changes": rows} for report, rows in found]})
        return
    for report, rows in found:
        base.say(f"would be {report.line()}")
        for row in rows[:SHOWN]:
            base.say(f"  {row.title} ({row.external_id}): {row.field} {_brief(row.old)} -> {_brief(row.new)}")
        if len(rows) > SHOWN:
            base.say(f"  ... and {len(rows) - SHOWN:,} more; --json shows all")
    base.say("nothing was stored; leave out --check to import")


SHOWN = 20  # changes that --check lists


def _brief(value: Any) -> str:
    text = "nothing" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


ROOTS = """
select distinct f.root
from media_files as f
join platform_tracks as p on p.id = f.platform_track_id
where p.missing_since is null and f.root is not null
order by f.root
"""
UNMATCHED = """
select coalesce(sum(t.in_library = 1), 0) as library, coalesce(sum(t.in_library = 0), 0) as heard
from platform_tracks as t
left join track_links as k on k.platform_track_id = t.id and k.status in ('auto', 'confirmed')
where t.platform = :platform and t.missing_since is null and k.id is null
"""
LIBRARY = "select count(*) from tracks where deleted_at is null and merged_into_id is null and title is not null"


def _existing(text: str) -> Path:
    path = base.settings.absolute(text)
    try:
        there = path.exists()
    except OSError as error:  # a name too long, a drive that does not answer
        raise BadInput(f"{text}: {error.strerror}") from error
    if not there:
        raise BadInput(f"{path}: there is no such file or folder; check the spelling, and that the drive is there")
    return path


def _folders_of_last_time() -> list[Any]:
    roots: list[str] = []
    if base.database_path().exists():
        with base.database() as db:
            roots = [row["root"] for row in db.q(ROOTS)]
    if not roots:
        raise BadInput("which files? For instance: musicdb import files ~/Music")
    there = [Path(root) for root in roots if Path(root).exists()]
    for gone in sorted(set(roots) - set(map(str, there))):
        base.note(f"{gone} is not there now: left out (is the drive connected?)")
    if not there:
        raise BadInput(f"none of the folders of last time is there: {', '.join(roots)}")
    return there


def _next(reports: list[Any], no_link: bool) -> str:
    if no_link:
        return "musicdb link"
    if any(report.quarantined for report in reports):
        return f'musicdb serve; what was refused, and why: sqlite-utils rows "{base.database_path()}" quarantine -c item -c reason -t'
    return "musicdb serve (browser), musicdb lab (notebook)"


def _daily_backup() -> None:
    here = base.current()
    if here.auto_backup != "daily" or not here.database.exists():
        return
    import time

    from musicdb import backup

    last = backup.newest(here.backup_dir, here.database)
    if last is None or last.created_at < time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86400)):
        base.backup_now(here, "before import")


def link_and_resolve(db: Any, step: Any) -> dict[str, Any]:
    """Link, resolve, choose covers, find plays that are told twice; return the counts."""
    from musicdb import links, listens, truth
    from musicdb.images import covers
    from musicdb.links import releases as near_releases
    from musicdb.listens import flagging

    linked = links.link(db, progress=step)
    resolved = truth.resolve(db, progress=step)
    near_releases.propose(db)
    shown = covers.bring(db)
    told = flagging.mark(db, progress=step)
    listens.freshen(db)
    return {"link": as_dict(linked), "resolve": as_dict(resolved) | {"covers": len(shown.shown)}, "plays": as_dict(told), "tracks": db.value(LIBRARY)}


def as_dict(report: Any) -> dict[str, Any]:
    """A report as plain data, for --json."""
    from dataclasses import asdict, is_dataclass

    if hasattr(report, "as_dict"):
        return report.as_dict()
    return asdict(report) if is_dataclass(report) else dict(report or {})


@click.group("import", cls=Importers)
def import_() -> None:
    """Read what a platform says and store it complete.

    Then link and resolve. A second import of the same changes nothing. What is gone there is marked, never deleted.

    \b
    Example:
      musicdb import files ~/Music
      musicdb import rekordbox ~/Documents/rekordbox.xml
    """


@click.command(cls=base.Command)
@base.json_option
def link(as_json: bool) -> None:
    """Find which observations are the same track, then resolve.

    An observation of a library that is like no other makes a new track. What a person accepted or rejected stays as it is.

    \b
    Example:
      musicdb link
    """
    with base.database() as db, base.progress(not as_json) as step:
        done = link_and_resolve(db, step)
        waiting = db.value("select count(*) from review_queue")
    if as_json:
        base.say_json(done | {"waiting": waiting})
        return
    base.say(_said_linked(done["link"]))
    base.say(_said_resolved(done["resolve"]))
    base.say(f"{done['tracks']:,} tracks in the library, {waiting:,} links wait for you")
    base.say("next: musicdb serve (browser), musicdb lab (notebook)")


@click.command(cls=base.Command)
@base.json_option
def resolve(as_json: bool) -> None:
    """Choose one value per field, by trust and decisions.

    Writes only what differs: a second run writes nothing.

    \b
    Example:
      musicdb resolve
    """
    from musicdb import truth
    from musicdb.images import covers

    with base.database() as db, base.progress(not as_json) as step:
        done = as_dict(truth.resolve(db, progress=step))
        shown = covers.bring(db).shown
    done["covers"] = [{"track": one[0], "album": one[1], "old": was, "new": now} for one, (was, now) in shown.items()] if as_json else len(shown)
    if as_json:
        base.say_json(done)
    else:
        base.say(_said_resolved(done))


def _said_linked(counts: dict[str, Any]) -> str:
    """ "linked: 12 by isrc, 203 by key, 11 new tracks, 9 waiting for you" """
    parts = [f"{n:,} by {method}" for method, n in counts.get("linked", {}).items() if n and method != "new"]
    names = {"new_tracks": "new tracks", "candidates": "candidates", "decided": "as you decided"}
    parts += [f"{counts[key]:,} {name}" for key, name in names.items() if counts.get(key)]
    return f"linked: {', '.join(parts) or 'nothing new'}"


def _said_resolved(counts: dict[str, Any]) -> str:
    written = sum(counts.get("rows", {}).values())
    covers = f", {counts['covers']:,} covers changed" if counts.get("covers") else ""
    return f"resolved: {counts.get('tracks', 0):,} tracks looked at, {written:,} rows written{covers}"
