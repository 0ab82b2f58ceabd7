"""Commands of `musicdb playlists`: past states, links, smart playlists, rules, likes, plans."""

from __future__ import annotations

import csv
import sys
from typing import Any

import click

from musicdb.commands import base

SIGNS = {"add": "+", "remove": "-", "move": "~"}


@click.group("playlists", cls=base.Group)
def playlists() -> None:
    """Your playlists: past states, links to platforms, smart playlists, tags by name, likes.

    \b
    Example:
      musicdb playlists history "House Italo"
      musicdb playlists smart "Fresh" --is "likes | not_played 90 | sort bpm | first 50"
    """


@playlists.command("show", cls=base.Command)
@click.argument("name")
@click.option("--at", metavar="TIME", help="As it was then: 2026-11-18, a UTC time, or the number of a snapshot.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, for a spreadsheet.")
@base.json_option
def show(name: str, at: str | None, as_csv: bool, as_json: bool) -> None:
    """Print the tracks of a playlist, now or as it was.

    \b
    Example:
      musicdb playlists show "House Italo" --at 2026-11-18
      musicdb playlists show tidal/Deep --csv > deep.csv
    """
    from musicdb import playlists as p

    with base.database() as db:
        rows = p.state(db, name, at)
    if as_json:
        base.say_json(rows)
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(rows.columns)
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
    else:
        base.say(base.table([{"#": row.position, "artists": row.artists, "title": row.title or row.get("release")} for row in rows], ["#", "artists", "title"]))
        base.say(f"{len(rows):,} items")


def _cell(value: object) -> object:
    """What a spreadsheet shows and does not run."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" else value


@playlists.command("history", cls=base.Command)
@click.argument("name")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="How many changes.")
@base.json_option
def history(name: str, limit: int, as_json: bool) -> None:
    """What came into a playlist and what went: when, and whether you, its owner or the service took it out.

    \b
    Example:
      musicdb playlists history tidal/Deep
    """
    from musicdb import playlists as p

    with base.database() as db:
        rows = p.history(db, name, limit=limit)
    if as_json:
        base.say_json(rows)
        return
    base.say(base.table(rows, ["at", "what", "by", "platform", "artists", "title"]) if rows else "nothing is known of it yet; an import of playlists begins its history")


@playlists.command("diff", cls=base.Command)
@click.argument("name")
@click.argument("before")
@click.argument("after", required=False)
@base.json_option
def diff(name: str, before: str, after: str | None, as_json: bool) -> None:
    """What changed in a playlist between two times; without a second one: until now.

    \b
    Example:
      musicdb playlists diff "House Italo" 2026-10-01 2026-11-01
    """
    from musicdb import playlists as p

    with base.database() as db:
        changes = p.between(db, name, before, after)
    if as_json:
        base.say_json([{"op": c.op, "at": c.at, "to": c.to, "key": c.key, "title": title} for c, title in changes])
        return
    for change, title in changes:
        base.say(f"{SIGNS[change.op]} {title}" + (f"   {(change.at or 0) + 1} -> {(change.to or 0) + 1}" if change.op == "move" else ""))
    base.say(f"{len(changes):,} changes")


KINDS = {
    "list_added": "+ playlist {new!r}", "list_removed": "- playlist {old!r}", "list_renamed": "~ playlist {old!r} is {new!r} now", "list_described": "~ {list!r}: another description",
    "list_filed": "~ {list!r}: in another folder", "item_added": "+ {title}   into {list!r}", "item_removed": "- {title}   out of {list!r}", "item_moved": "~ {title}   within {list!r}",
    "item_moved_to": "> {title}   from {other!r} to {list!r}", "item_copied": "+ {title}   into {list!r}, still in {other!r}", "item_relinked": "= {title}   has another id in {list!r}",
    "item_changed": "~ {title}   says something else now, in {list!r}",
}  # fmt: skip


@playlists.command("changes", cls=base.Command)
@click.argument("platform")
@click.argument("before")
@click.argument("after", required=False)
@base.json_option
def changes(platform: str, before: str, after: str | None, as_json: bool) -> None:
    """What changed in all lists of a platform between two times; without a second one: until now. PLATFORM user: your own.

    Lists made, taken away, renamed, filed; tracks that came, went, moved within a list or to another, got another id, say something else.

    \b
    Example:
      musicdb playlists changes tidal 2026-10-01
    """
    from musicdb import playlists as p

    with base.database() as db:
        rows = p.changes(db, platform, before, after)
    if as_json:
        base.say_json(rows)
        return
    for row in rows:
        base.say(KINDS[row["kind"]].format(**row))
    base.say(f"{len(rows):,} changes")


@playlists.command("restore", cls=base.Command)
@click.argument("name")
@click.option("--at", required=True, metavar="TIME", help="2026-11-18, a UTC time, or the number of a snapshot.")
@click.option("--dry-run", is_flag=True, help="Say how much would change, write nothing.")
@base.json_option
def restore(name: str, at: str, dry_run: bool, as_json: bool) -> None:
    """Make a playlist what it was: yours at once (undoable), a platform's by a plan that you approve.

    \b
    Example:
      musicdb playlists restore "House Italo" --at 2026-11-18
    """
    from musicdb import playlists as p

    with base.database() as db:
        done = p.restore(db, name, at, dry_run=dry_run)
    if as_json:
        base.say_json({"operation": done.operation, "plan": done.plan, "changes": done.changes})
    elif not done.changes:
        base.say(f"{name}: it is as it was at {at}")
    elif dry_run:
        base.say(f"{name}: {done.changes:,} changes; nothing was written (dry run)")
    else:
        base.say(f"{name}: {done.changes:,} changes" + (f" in plan {done.plan}" if done.plan else ""))
        base.say(f"next: musicdb sync --show {done.plan}" if done.plan else f"take it back: musicdb undo {done.operation}")


@playlists.command("link", cls=base.Command)
@click.argument("name")
@click.argument("theirs", metavar="PLATFORM/NAME")
@click.option("--direction", type=click.Choice(["import", "push", "mirror", "two_way"]), default="import", show_default=True, help="Which way it syncs.")
@click.option("--place", default="", metavar="PATH", help="Which database or folder, if not the usual one.")
@click.option("--not-mine", is_flag=True, help="It is another's list there: what goes was taken out by its owner.")
@base.json_option
def link(name: str, theirs: str, direction: str, place: str, not_mine: bool, as_json: bool) -> None:
    """Say which list elsewhere belongs to one of yours. Nothing is written until a plan is approved.

    import: theirs to yours; push: yours to theirs; mirror: theirs becomes exactly as yours; two_way: both.

    \b
    Example:
      musicdb playlists link "House Italo" "tidal/House Italo" --direction two_way
    """
    from musicdb import playlists as p

    with base.database() as db:
        id = p.link(db, name, theirs, direction, place=place, is_personal=not not_mine)
    if as_json:
        base.say_json({"link": id})
    else:
        base.say(f"{name} <-> {theirs} ({direction})\nnext: musicdb sync --check")


@playlists.command("unlink", cls=base.Command)
@click.argument("name")
@click.argument("platform")
@base.json_option
def unlink(name: str, platform: str, as_json: bool) -> None:
    """Take a link away; both lists stay as they are.

    \b
    Example:
      musicdb playlists unlink "House Italo" tidal
    """
    from musicdb import playlists as p

    with base.database() as db:
        n = p.unlink(db, name, platform)
    if as_json:
        base.say_json({"unlinked": n})
    else:
        base.say(f"{name}: no longer linked to {platform}")


@playlists.command("direct", cls=base.Command)
@click.argument("name")
@click.argument("platform")
@click.argument("direction", type=click.Choice(["import", "push", "mirror", "two_way", "pause", "go"]))
def direct(name: str, platform: str, direction: str) -> None:
    """Change which way a linked playlist syncs; pause it, let it go on.

    \b
    Example:
      musicdb playlists direct "House Italo" tidal two_way
    """
    from musicdb.playlists import linking

    with base.database() as db:
        if direction in ("pause", "go"):
            linking.direct(db, name, platform, enabled=direction == "go")
        else:
            linking.direct(db, name, platform, direction)
    base.say(f"{name} and {platform}: {direction}")


@playlists.command("smart", cls=base.Command)
@click.argument("name", required=False)
@click.option("--is", "line", metavar="BLOCKS", help='Building blocks: "likes spotify | not_played 90 | sort bpm | first 50".')
@click.option("--sql", metavar="QUERY", help="A query whose first column is track ids.")
@click.option("--dry-run", is_flag=True, help="Show what would be in it, write nothing.")
@base.json_option
def smart(name: str | None, line: str | None, sql: str | None, dry_run: bool, as_json: bool) -> None:
    """Make a smart playlist or give it another query; without a query: refresh it, or all of them.

    \b
    Sources: library, playlist NAME, likes [PLATFORM], plays [SINCE] [UNTIL], concat/merge/interleave NAME...
    Then: by_artist NAME, released [SINCE] [UNTIL], metric NAME [LOW] [HIGH], not_played DAYS, played [TIMES], not_in NAME, tagged TAG,
          with_file, dedupe, sort BY [desc], reverse, first N, last N, sample N [SEED]
    \b
    Example:
      musicdb playlists smart "Fresh" --is "likes | released 2024 | not_played 90 | sort bpm | first 50"
      musicdb playlists smart "Slow" --sql "select id from tracks where bpm < 100 order by bpm"
      musicdb playlists smart
    """
    from musicdb import playlists as p
    from musicdb.errors import BadInput
    from musicdb.playlists import blocks
    from musicdb.playlists import smart as smarts

    if line and sql:
        raise click.UsageError("--is or --sql, not both")
    if (line or sql) and not name:
        raise click.UsageError("a query wants the NAME of its playlist")
    query = blocks.read(line) if line else sql
    with base.database() as db:
        if query is None:
            done = smarts.refresh(db, name, dry_run=dry_run)
        elif dry_run:
            _preview(db, query, as_json)
            return
        else:
            try:
                ref = p.find(db, str(name))
            except BadInput:
                ref = None
            done = [smarts.change(db, ref.id, query) if ref and ref.platform == "user" else smarts.create(db, str(name), query)]
    if as_json:
        base.say_json([{"playlist": one.name, "tracks": one.n, "changes": len(one.changes), "operation": one.operation} for one in done])
        return
    for one in done:
        base.say(f"{one.name}: {one.n:,} tracks, {len(one.changes):,} changes" + (" (dry run)" if dry_run else ""))
    if not done:
        base.say('there is no smart playlist yet: musicdb playlists smart "Fresh" --is "likes | not_played 90 | first 50"')


def _preview(db: Any, query: str, as_json: bool) -> None:
    from musicdb.playlists import smart as smarts

    ids = smarts.result(db, query)
    if as_json:
        base.say_json({"query": query, "tracks": ids})
        return
    for id in ids[:20]:
        row = db.one("select artist_credit, title, version from tracks where id = ?", [id])
        base.say(f"  {row.artist_credit or '?'} - {row.title or '?'}" + (f" ({row.version})" if row.version else ""))
    base.say(f"{len(ids):,} tracks; nothing was written (dry run)\n{query}")


@playlists.command("rules", cls=base.Command)
@click.argument("sign", required=False)
@click.argument("tag", required=False)
@click.option("--drop", is_flag=True, help="Take the rule for SIGN away.")
@click.option("--to", metavar="TARGET", help="Plan the tags that your lists give for a target: rekordbox.")
@base.json_option
def rules(sign: str | None, tag: str | None, drop: bool, to: str | None, as_json: bool) -> None:
    """Tags by the names of playlists: an emoji or a word gives all tracks of the list a tag. Without arguments: the rules.

    \b
    Example:
      musicdb playlists rules 🔥 "Energy: high"
      musicdb playlists rules "deep house" "Genre: Deep House"
      musicdb playlists rules --to rekordbox
    """
    from musicdb.playlists import rules as by_name
    from musicdb.playlists import tagging

    if bool(sign) != bool(tag) and not drop:
        raise click.UsageError("a rule wants an emoji or word, and a tag")
    with base.database() as db:
        if to:
            made = tagging.plan(db, to)
            if as_json:
                base.say_json({"plan": made.id, "steps": len(made), "settled": made.settled})
            else:
                base.say(f"{len(made):,} steps, {made.settled:,} tags are there" + (f"\nnext: musicdb sync --show {made.id}" if made.id else ""))
            return
        if drop and sign:
            by_name.drop(db, sign)
        elif sign and tag:
            by_name.add(db, sign, tag)
        rows = by_name.rules(db)
    if as_json:
        base.say_json(rows)
        return
    base.say(base.table(rows, ["emoji", "grp", "name", "playlists"]) if rows else 'there is no rule yet: musicdb playlists rules 🔥 "Energy: high"')


@playlists.command("marks", cls=base.Command)
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Say what would be proposed, write nothing.")
@base.json_option
def marks(file: str, dry_run: bool, as_json: bool) -> None:
    """Plan to write ratings and cues into the Rekordbox XML that your lists are synced to.

    What the library has and the file has not; cues that are there are replaced only where you approve that step by its number.

    \b
    Example:
      musicdb playlists marks ~/Music/rekordbox.xml
    """
    from musicdb import playlists as p

    with base.database() as db:
        made = p.marks(db, file, dry_run=dry_run)
    if as_json:
        base.say_json({"plan": made.id, "steps": [{"action": op.action, "title": op.title, "reason": op.reason, "hold": op.hold} for op in made.operations]})
        return
    for op in made.operations[:20]:
        base.say(f"  {op.action} {op.title}   ({op.reason})")
    base.say(f"{len(made):,} steps, {made.settled:,} are as they should be" + (f" in plan {made.id}\nnext: musicdb sync --show {made.id}" if made.id else ""))


@playlists.command("likes", cls=base.Command)
@click.option("--to", multiple=True, metavar="PLATFORM", help="Only this service; may be given again.")
@click.option("--dry-run", is_flag=True, help="Say what would be proposed, write nothing.")
@base.json_option
def likes(to: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Plan to like at each service what you like at another. Nothing is ever unliked.

    \b
    Example:
      musicdb playlists likes --to spotify
    """
    from musicdb import playlists as p

    with base.database() as db:
        made = p.likes(db, list(to) or None, dry_run=dry_run)
    if as_json:
        base.say_json({"plan": made.id, "steps": [{"target": op.list and op.list.target, "title": op.title, "reason": op.reason, "hold": op.hold} for op in made.operations]})
        return
    for op in made.operations[:20]:
        base.say(f"  {op.list.target if op.list else ''}: like {op.title}   ({op.hold or op.reason})")
    base.say(f"{len(made):,} likes" + (f" in plan {made.id}\nnext: musicdb sync --show {made.id}" if made.id else ""))


@playlists.command("plans", cls=base.Command)
@base.json_option
def plans(as_json: bool) -> None:
    """All plans, with how far they are.

    \b
    Example:
      musicdb playlists plans
    """
    from musicdb import playlists as p

    with base.database() as db:
        rows = p.plans(db)
    if as_json:
        base.say_json(rows)
        return
    base.say(base.table(rows, ["id", "kind", "target", "status", "created_at", "steps", "proposed", "approved", "denied", "done", "failed"]) if rows else "no plans yet: musicdb sync --plan")
