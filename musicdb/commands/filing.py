"""Commands about files and playlists: reconcile, download."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import click

from musicdb.commands import base

SHOWN = 20


@click.command(cls=base.Command)
@click.option("--plan", "make_plan", is_flag=True, help="Store a plan of what is offered; approve and apply it with `musicdb sync`.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    help="Only missing, unknown, moved, changed, unverified, orphaned or duplicate; may be given again.",
)
@base.json_option
def reconcile(make_plan: bool, kinds: tuple[str, ...], as_json: bool) -> None:
    """Compare the folders on disk with the database.

    Missing, unknown, moved and changed files, files that no playlist uses, and the same sound twice. Nothing is written without --plan; the
    plan is approved row by row, and files go to a trash folder, from where `musicdb sync --undo PLAN` brings them back.

    That two files sound the very same is only said of files that were read whole. Those that may be copies (unverified) are offered to be
    read; `musicdb import files FOLDER --verify` reads all.

    \b
    Example:
      musicdb reconcile
      musicdb reconcile --plan --kind duplicate
    """
    from musicdb import reconciling

    if unknown := set(kinds) - set(reconciling.KINDS):
        raise click.UsageError(f"there is no kind {sorted(unknown)[0]!r}; there are {', '.join(reconciling.KINDS)}")
    with base.database() as db:
        found = reconciling.find(db)
        chosen = [one for one in found.findings if not kinds or one.kind in kinds]
        plan = reconciling.plan(db, chosen) if make_plan else None
    if as_json:
        base.say_json(
            {
                "counts": found.counts(),
                "findings": [asdict(one) | {"action": one.action} for one in chosen],
                "notes": found.notes,
                "plan": plan,
            }
        )
        return
    for note in found.notes:
        base.say(f"note: {note}")
    for one in chosen[:SHOWN]:
        base.say(f"{one.kind}: {one.path}" + (f" ({'now' if one.kind == 'moved' else 'as'} {one.other})" if one.other else ""))
    if len(chosen) > SHOWN:
        base.say(f"... and {len(chosen) - SHOWN:,} more (--json shows all)")
    base.say(", ".join(f"{n:,} {kind}" for kind, n in found.counts().items()))
    if plan:
        base.say(f"next: musicdb sync --approve {plan}, then musicdb sync --apply {plan}")
    elif chosen:
        base.say("next: musicdb reconcile --plan")
    elif make_plan:
        base.say("nothing to do")


@click.command(cls=base.Command)
@click.option("--playlist", required=True, metavar="NAME", help="Which playlist: yours by name, or PLATFORM/NAME.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N tracks now.")
@click.option("--again", is_flag=True, help="Also those that failed before.")
@click.option("--check", is_flag=True, help="Only say which tracks have no file; nothing is run.")
@base.json_option
def download(playlist: str, limit: int | None, again: bool, check: bool, as_json: bool) -> None:
    """Run your download command for each track of a playlist without a file.

    musicdb ships none: `musicdb config set download_command '["getter", "{folder}", "{tidal}"]'` and download_folder. What it leaves is read
    and linked to its track; no track is fetched twice. convert_command, where it is set, runs after it.

    \b
    Example:
      musicdb download --playlist "Night Ferry" --check
      musicdb download --playlist "Night Ferry"
    """
    from musicdb.exports.lists import named
    from musicdb.exports.m3u import label
    from musicdb.reconciling import downloads

    with base.database() as db:
        if check:
            tracks = downloads.wanted(db, playlist)[:limit]
            rows = named(db, tracks)
            lines = [label(rows[track]) for track in tracks if track in rows]
            if as_json:
                base.say_json({"without_file": len(tracks), "tracks": lines})
                return
            for line in lines:
                base.say(line)
            base.say(f"{len(tracks):,} tracks have no file")
            return
        with base.progress(not as_json) as step:
            done = downloads.run(db, playlist, again=again, limit=limit, progress=step)
    counts = Counter(one.status for one in done)
    if as_json:
        base.say_json({"counts": counts, "tracks": [asdict(one) for one in done]})
    else:
        for one in done:
            base.say(f"{one.status}: {one.title}" + (f" ({one.error})" if one.error else ""))
        base.say(f"{playlist}: " + (", ".join(f"{n:,} {status}" for status, n in counts.items()) or "every track has a file"))
    if counts["failed"]:
        raise click.exceptions.Exit(1)
