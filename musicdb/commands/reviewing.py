"""Commands about links that wait for a person, and decisions as a file: review, export matches, import matches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from musicdb.commands import base

SHOWN = 20  # sentences of what was not found; --json has them all


@click.command(cls=base.Command)
@click.option("--platform", metavar="PLATFORM", help="Only what this platform says: tidal, spotify, local, rekordbox, ...")
@click.option("--reason", metavar="REASON", help="Only links of this group, as the list of groups names it.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="How many links to show.")
@click.option("--later", is_flag=True, help="What was put off for later, instead.")
@base.json_option
def review(platform: str | None, reason: str | None, limit: int, later: bool, as_json: bool) -> None:
    """List the links that wait for you, by reason and value.

    What is played, in playlists or owned comes first. The notebook 02-link is made to answer them, one by one or a whole group at once.

    \b
    Example:
      musicdb review
      musicdb review --platform tidal --reason "same title and artist, 4 s longer"
    """
    from musicdb.links import review as queue

    with base.database() as db:
        groups = queue.groups(db, platform=platform, later=later)
        rows = queue.waiting(db, platform=platform, reason=reason, limit=limit, later=later)
    total = sum(group.waiting for group in groups if reason in (None, group.reason))
    if as_json:
        base.say_json({"waiting": total, "groups": groups, "links": rows})
        return
    what = "put off" if later else "waiting"
    if not total:
        base.say(
            f"no links are {what}" + (f" for the reason {reason!r}; without --reason all groups are shown" if reason and groups else "")
        )
        return
    if reason is None:
        base.say(base.table(groups, ["reason", "waiting", "confidence", "plays", "playlists", "owned"]))
        base.say()
    base.say(base.table([_line(row) for row in rows], ["link", "sure", "platform", "there", "length", "here", "length here", "reason"]))
    base.say(
        f"{total:,} links {what}"
        + (f", {len(rows):,} shown" if len(rows) < total else "")
        + "; answer them in musicdb lab, notebook 02-link"
    )


def _line(row: Any) -> dict[str, Any]:
    version = f" ({row.our_version})" if row.our_version else ""
    return {
        "link": str(row.id), "sure": row.confidence, "platform": row.platform, "there": _short(f"{row.their_artists or ''} - {row.their_title}"),
        "length": _clock(row.their_duration_ms), "here": _short(f"{row.our_artists or ''} - {row.our_title or ''}{version}"),
        "length here": _clock(row.our_duration_ms), "reason": row.reason,
    }  # fmt: skip


def _short(text: str, limit: int = 44) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _clock(ms: int | None) -> str:
    return "" if ms is None else f"{ms // 60000}:{ms // 1000 % 60:02d}"


@click.group("export", cls=base.Group)
def export() -> None:
    """Write what is in the database for others to read.

    \b
    Example:
      musicdb export matches matches.jsonl
    """


@export.command("matches", cls=base.Command)
@click.argument("file", required=False, metavar="[FILE]", type=click.Path(dir_okay=False, path_type=Path))
@base.json_option
def export_matches(file: Path | None, as_json: bool) -> None:
    """Write your decisions about links, for another database.

    Accepted and rejected links and merged tracks, one JSON object a line, told by platform ids, ISRC, title and artists, so that a rebuilt
    database or another person's finds them. It holds no folder names and no listening. Without a FILE: to standard output.

    \b
    Example:
      musicdb export matches matches.jsonl
      musicdb export matches > matches.jsonl
    """
    from musicdb.links import matchfile

    with base.database() as db:
        if file is None:
            click.echo(matchfile.dumped(db)[0].decode(), nl=False)
            return
        n = matchfile.write(db, base.settings.absolute(file))
    if as_json:
        base.say_json({"file": str(file), "decisions": n})
    else:
        base.say(f"{file}: {n:,} decisions")
        base.say(f"next: musicdb import matches {file} --db OTHER")


@click.command("matches", cls=base.Command)
@click.argument("file", required=False, metavar="[FILE]", type=click.Path(path_type=Path))
@base.json_option
def import_matches(file: Path | None, as_json: bool) -> None:
    """Take over decisions about links that another database wrote.

    Found by platform ids, then ISRC and text. What is not here is kept and tried again at the next import of matches; without a FILE only
    that is done. What you decided yourself stands. One operation: `musicdb undo` takes it back.

    \b
    Example:
      musicdb import matches matches.jsonl
      musicdb import matches
    """
    from musicdb.links import matchfile

    with base.database() as db:
        done = matchfile.read(db, base.settings.absolute(file) if file else None)
        waiting = db.value("select count(*) from review_queue")
    if as_json:
        base.say_json({"operation": done.operation, "decided": done.decided, "unchanged": done.unchanged, "yours": done.yours,
                       "missing": done.missing, "waiting": waiting})  # fmt: skip
        return
    new = [f"{n:,} {name}" for name, n in done.decided.items()]
    base.say(f"matches: {', '.join(new) or 'nothing new'}" + (f"; {done.unchanged:,} decided so already" if done.unchanged else ""))
    for lead, sentences in (("yours stands", done.yours), ("not here, kept for later", done.missing)):
        for sentence in sentences[:SHOWN]:
            base.say(f"  {lead}: {sentence}")
        if len(sentences) > SHOWN:
            base.say(f"  {lead}: {len(sentences) - SHOWN:,} more (--json shows all)")
    base.say(f"{waiting:,} links wait for you")
    base.say("next: musicdb review" if waiting else "next: musicdb serve (browser), musicdb lab (notebook)")
