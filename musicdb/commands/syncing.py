"""Commands about playlists here and elsewhere: status, sync, inspect."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from musicdb.commands import base

SHOWN = 40  # steps of a plan on the screen; --json has them all
WORDS = {"add": ("+", "new"), "remove": ("-", "removed"), "move": ("~", "moved"), "rename": ("~", "renamed"), "describe": ("~", "described anew"), "delete": ("-", "taken away"),
         "unlink": ("?", "gone there"), "place": ("~", "put elsewhere"), "rate": ("~", "rated"), "cues": ("~", "given cues")}  # fmt: skip


@click.command(cls=base.Command)
@click.option("--all", "everything", is_flag=True, help="Every playlist, not only the first 20.")
@base.json_option
def status(everything: bool, as_json: bool) -> None:
    """Where your playlists stand: how many tracks, which have no file, where else they are, what waits for you.

    \b
    Example:
      musicdb status
      musicdb status --json
    """
    from musicdb.playlists import overview

    with base.database() as db:
        found = overview.status(db)
    if as_json:
        base.say_json(found)
        return
    base.say(f"Playlists: {found['playlists']:,} yours, {found['tracks']:,} tracks in them")
    if found["platforms"]:
        base.say(base.table(found["platforms"], ["platform", "playlists", "linked", "items", "last_seen"]))
    lists = found["lists"] if everything else found["lists"][:20]
    if lists:
        base.say()
        base.say(base.table(lists, ["name", "tracks", "files", "missing", "linked", "last_synced"]))
        if len(lists) < len(found["lists"]):
            base.say(f"{len(found['lists']) - len(lists):,} more (--all shows them)")
    for plan in found["plans"]:
        base.say(f"plan {plan.id} ({plan.target}) waits: {plan.proposed} proposed, {plan.approved} approved, {plan.failed} failed: musicdb sync --show {plan.id}")
    base.say("next: musicdb sync --check" if found["platforms"] else "next: musicdb import tidal (or spotify, rekordbox, ...)")


@click.command(cls=base.Command)
@click.option("--check", "what", flag_value="check", help="Say what changed since the last sync; writes nothing. The default.")
@click.option("--plan", "what", flag_value="plan", help="Make a plan: steps with reasons, for you to approve.")
@click.option("--show", type=int, metavar="PLAN", help="List the steps of a plan.")
@click.option("--approve", type=int, metavar="PLAN", help="Approve its steps: all that need no look of their own, or those of --step.")
@click.option("--deny", type=int, metavar="PLAN", help="Deny its steps: all that are not approved, or those of --step.")
@click.option("--apply", "apply_", type=int, metavar="PLAN", help="Carry out exactly the approved steps.")
@click.option("--resume", type=int, metavar="PLAN", help="Try again what failed or was skipped, and go on.")
@click.option("--undo", type=int, metavar="PLAN", help="Take back what a plan did, here and at its targets.")
@click.option("--dismiss", type=int, metavar="PLAN", help="Put a plan away.")
@click.option("--step", "steps", type=int, multiple=True, metavar="N", help="A step by its number; may be given again.")
@click.option("--playlist", "playlists", multiple=True, metavar="NAME", help="Only this playlist (yours, or PLATFORM/NAME); may be given again.")
@click.option("--from", "from_", multiple=True, metavar="PLATFORM", help="Offer to take over its playlists that you have not; else those of all streaming services.")
@click.option("--to", multiple=True, metavar="TARGET", help="Read this target now, and offer it the playlists that it has not.")
@click.option("--place", "places", multiple=True, metavar="TARGET=PATH", help="Where a target is, if not at its usual place.")
@click.option("--direction", type=click.Choice(["import", "push", "mirror", "two_way"]), help="Of links that the plan makes.")
@click.option("--believe", multiple=True, metavar="NAME", help="A playlist whose emptied or halved state is true.")
@click.option("--prefer", type=click.Choice(["here", "there"]), help="Whose order counts where both sides were reordered.")
@click.option("--dry-run", is_flag=True, help="With --plan or --apply: say what would be, write nothing at all.")
@base.json_option
def sync(what: str | None, show, approve, deny, apply_, resume, undo, dismiss, steps, playlists, from_, to, places, direction, believe, prefer, dry_run, as_json) -> None:  # fmt: skip
    """See what changed in playlists, plan what to do, approve it step by step, carry it out.

    A plan is carried out exactly as you approved it, or not at all where a list moved on since. What is missing for the first time, or in a
    list that looks like a failed read, is never taken for removed. Your own lists are changed in one operation (`musicdb undo`); a target is
    backed up first, and `--undo PLAN` takes all of it back.

    \b
    Example:
      musicdb import tidal && musicdb sync --check
      musicdb sync --plan --to rekordbox
      musicdb sync --approve 3
      musicdb sync --deny 3 --step 17
      musicdb sync --apply 3
    """
    from musicdb import playlists as p

    chosen = [name for name, value in (("show", show), ("approve", approve), ("deny", deny), ("apply", apply_), ("resume", resume), ("undo", undo), ("dismiss", dismiss)) if value is not None]
    if len(chosen) + (what is not None) > 1:
        raise click.UsageError("one of --check, --plan, --show, --approve, --deny, --apply, --resume, --undo, --dismiss at a time")
    wrong = [one for one in places if "=" not in one]
    if wrong:
        raise click.UsageError(f"--place wants TARGET=PATH, such as rekordbox=/music/master.db, not {wrong[0]!r}")
    options = {
        "to": list(to), "from_": list(from_) or None, "playlists": list(playlists) or None, "places": dict(one.split("=", 1) for one in places), "direction": direction,
        "believe": list(believe), "prefer": prefer,
    }  # fmt: skip
    with base.database() as db:
        if not chosen:
            (_plan if what == "plan" else _check)(db, options, *([dry_run] if what == "plan" else []), as_json)
        elif chosen == ["show"]:
            _show(db, show, as_json)
        elif chosen in (["approve"], ["deny"]):
            plan = approve if approve is not None else deny
            n = (p.approve if approve is not None else p.deny)(db, plan, list(steps) or None)
            word = "approved" if approve is not None else "denied"
            after = f"next: musicdb sync --apply {plan}" if approve is not None else f"next: musicdb sync --show {plan}"
            _tell(as_json, {"plan": plan, word: n}, f"plan {plan}: {n:,} steps {word}", after)
        elif chosen == ["dismiss"]:
            p.dismiss(db, dismiss)
            _tell(as_json, {"plan": dismiss, "dismissed": True}, f"plan {dismiss}: put away")
        elif chosen == ["undo"]:
            told = p.undo(db, undo)
            _tell(as_json, {"plan": undo, "undone": told}, *told)
        else:
            if resume is not None:
                p.resume(db, resume)
            _apply(db, apply_ if apply_ is not None else resume, dry_run, as_json)


def _tell(as_json: bool, value: Any, *lines: str) -> None:
    if as_json:
        base.say_json(value)
    for line in () if as_json else lines:
        base.say(line)


def _check(db: Any, options: dict, as_json: bool) -> None:
    from musicdb.playlists import overview

    found = overview.check(db, **options)
    if as_json:
        base.say_json(found)
        return
    base.say(f"Playlists: {found['playlists']:,} tracked\nTracks: {found['tracks']:,} tracked\n")
    if not (found["changes"] or found["new"] or found["waiting"]):
        base.say("No changes.")
    else:
        base.say("Changes detected:")
    for one in found["new"][:SHOWN]:
        base.say(f"  + {one['playlist']!r}: {one['reason']}")
    if len(found["new"]) > SHOWN:
        base.say(f"  + {len(found['new']) - SHOWN:,} more new playlists")
    for kind, end in (("changes", ""), ("waiting", " (waits: musicdb sync --plan says why)")):
        for one in found[kind]:
            sign, word = WORDS.get(one["action"], ("~", one["action"]))
            where = "" if one["target"] == "user" else f" for {one['target']}"
            base.say(f"  {sign} {one['n']} {'track' if one['n'] == 1 else 'tracks'} {word} in {one['playlist']!r}{where}{end}")
    for text in found["warnings"]:
        base.say(f"  ! {text}")
    if found["changes"] or found["new"] or found["download"]:
        base.say("\nRecommended actions:")
    if found["changes"] or found["new"]:
        base.say("  musicdb sync --plan")
    for one in found["download"][:5]:
        base.say(f"  musicdb download --playlist \"{one.name}\"   ({one.missing} of {one.tracks} tracks have no file)")


def _plan(db: Any, options: dict, dry_run: bool, as_json: bool) -> None:
    from musicdb import playlists as p

    made = p.plan(db, dry_run=dry_run, **options)
    if as_json:
        steps = [{"list": op.list and op.list.name, "target": op.list and op.list.target, "action": op.action, "title": op.title, "reason": op.reason, "hold": op.hold} for op in made.operations]
        base.say_json({"plan": made.id, "settled": made.settled, "warnings": made.warnings, "steps": p.operations(db, made.id) if made.id else steps})
        return
    for text in made.warnings:
        base.say(f"! {text}")
    if not made.operations:
        base.say(f"nothing to do; {made.settled:,} linked playlists are as they should be")
        return
    if made.id is None:
        rows = [{"target": op.list.target, "list": op.list.name, "action": op.action, "title": _cut(op.title), "reason": op.hold or op.reason} for op in made.operations if op.list]
        base.say(base.table(rows[:SHOWN], ["target", "list", "action", "title", "reason"]))
        base.say(f"{len(rows):,} steps; nothing was stored (dry run)")
        return
    _show(db, made.id, False)


def _show(db: Any, plan: int, as_json: bool) -> None:
    from musicdb import playlists as p

    rows = p.operations(db, plan)
    if as_json:
        base.say_json({"plan": plan, "steps": rows})
        return
    cells = [
        {"step": str(row.id), "": {"approved": "x", "done": "ok", "denied": "no", "failed": "!!", "skipped": "--", "undone": "<-"}.get(row.status, "."), "target": row.target,
         "list": _cut(row.list, 24), "action": row.action, "track": _cut(row.title), "why": row.error_message or (row.hold if row.needs else row.reason)}
        for row in rows[:SHOWN]
    ]  # fmt: skip
    base.say(base.table(cells, ["step", "", "target", "list", "action", "track", "why"]))
    if len(rows) > SHOWN:
        base.say(f"... {len(rows) - SHOWN:,} more steps (--json has them all)")
    counts = Counter(row.status for row in rows)
    held = sum(bool(row.needs) and row.status == "proposed" for row in rows)
    base.say(f"plan {plan}: " + ", ".join(f"{n:,} {status}" for status, n in counts.items()) + (f"; {held:,} of them need a look of their own (--step N)" if held else ""))
    if counts["approved"]:
        base.say(f"next: musicdb sync --apply {plan}")
    elif counts["proposed"]:
        base.say(f"next: musicdb sync --approve {plan}   (all but those that need a look), or --approve {plan} --step N, or --deny {plan} --step N")


def _apply(db: Any, plan: int, dry_run: bool, as_json: bool) -> None:
    from musicdb import playlists as p

    with base.progress(not as_json) as bar:
        report = p.apply(db, plan, progress=bar, dry_run=dry_run)
    if as_json:
        base.say_json({"plan": plan, "done": report.done, "failed": report.failed, "skipped": report.skipped, "operation": report.operation, "messages": report.messages, "writes": report.writes})
    elif dry_run:
        for line in report.writes:
            base.say(line)
        base.say(f"{len(report.writes):,} writes; nothing was written (dry run)")
    else:
        for line in report.messages:
            base.say(f"! {line}")
        base.say(f"plan {plan}: {report.done:,} done" + (f", {report.failed:,} failed" if report.failed else "") + (f", {report.skipped:,} skipped" if report.skipped else ""))
        base.say(f"next: musicdb sync --resume {plan}" if report.failed or report.skipped else f"take it back: musicdb sync --undo {plan}")
    if report.failed:
        raise click.exceptions.Exit(1)


@click.command(cls=base.Command)
@click.option("--playlist", required=True, metavar="NAME", help="Yours by name or number, or PLATFORM/NAME.")
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, metavar="N", help="How many recent changes.")
@base.json_option
def inspect(playlist: str, limit: int, as_json: bool) -> None:
    """Look at one playlist: where it is, what is missing, what came and went.

    \b
    Example:
      musicdb inspect --playlist "House Italo"
      musicdb inspect --playlist tidal/Deep
    """
    from musicdb.playlists import overview

    with base.database() as db:
        found = overview.inspect(db, playlist, limit=limit)
    if as_json:
        base.say_json(found)
        return
    base.say(f"Playlist: {found['name']}")
    if found["platform"] != "user":
        base.say(f"{found['platform']} id: {found['external_id']}\nLast seen: {found['fetched_at']}\n\nTracks: {found['tracks']:,}")
    else:
        for link in found["links"]:
            base.say(f"{link.platform} id: {link.external_id} ({link.direction})" + (f"; gone there since {link.missing_since}" if link.missing_since else ""))
        synced = max((link.last_synced_at or "" for link in found["links"]), default="")
        base.say(f"Created: {found['created_at']}\nLast synced: {synced or 'never'}\n\nTracks: {found['tracks']:,}")
        for link in found["links"]:
            base.say(f"  In {link.platform}: {link.tracks:,}")
        base.say(f"  Downloaded: {found['files']:,}\n  In Rekordbox: {found['in_rekordbox'] or 0:,}\n  Missing: {found['missing']:,}")
        for row in found["missing_tracks"][:10]:
            base.say(f"    {row.artists or '?'} - {row.title}")
    if found["recent"]:
        base.say("\nRecent changes:")
        for row in found["recent"]:
            by = {"you": " by you", "service": " by the service", "owner": " by its owner"}.get(row.by or "", "")
            base.say(f"  [{(row.at or '')[:10]}] {row.what.capitalize()}{by}: \"{row.artists or '?'} - {row.title}\"" + ("" if row.platform == "user" else f" ({row.platform})"))


def _cut(text: str | None, limit: int = 40) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
