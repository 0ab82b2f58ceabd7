"""Commands about releases that may be one with another: `musicdb collection matches`, `same`, `apart`."""

from __future__ import annotations

from typing import Any

import click

from musicdb.commands import base

SHOWN = ["link", "level", "sure", "observed", "there", "may be", "number"]


@click.command("matches", cls=base.Command)
@click.argument("link", required=False, type=int, metavar="[LINK]")
@click.option("--level", type=click.Choice(["release", "release group"]), help="Only those that may be that very pressing, or only those that may be the same album in another pressing.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="How many to show.")
@base.json_option
def matches(link: int | None, level: str | None, limit: int, as_json: bool) -> None:
    """List releases that may be one with another, or say why.

    What a barcode, a catalogue number or an id says is joined without asking; the rest waits here. Level "release": the same pressing. Level
    "release group": the same album, another pressing. With a LINK, everything that speaks for it and against it.

    \b
    Example:
      musicdb collection matches
      musicdb collection matches --level "release group"
      musicdb collection matches 12
    """
    from musicdb.collection import reviewing

    with base.database() as db:
        if link is not None:
            rows = [reviewing.release_candidate(db, link)]
        else:
            rows = reviewing.release_candidates(db, level=level)
    if as_json:
        base.say_json(rows[0] if link is not None else rows)
    elif not rows:
        base.say("no release waits: what is known is joined, or as you decided")
    elif link is not None:
        _explain(rows[0])
    else:
        base.say(base.table([_line(row) for row in rows[:limit]], SHOWN))
        base.say(f"{len(rows):,} wait" + (f", {limit:,} shown" if len(rows) > limit else "") + "; why: musicdb collection matches LINK")
        base.say("next: musicdb collection same LINK... or musicdb collection apart LINK...")


@click.command("same", cls=base.Command)
@click.argument("links", nargs=-1, required=True, type=int, metavar="LINK...")
@click.option("--note", metavar="TEXT", help="Why; kept with what you say.")
@base.json_option
def same(links: tuple[int, ...], note: str | None, as_json: bool) -> None:
    """Say that releases are one: that pressing, or that album.

    LINK: as `musicdb collection matches` lists it. No import overturns it; `musicdb undo` takes it back.

    \b
    Example:
      musicdb collection same 12
    """
    _answer("accept_release", links, note, as_json, "one with the other")


@click.command("apart", cls=base.Command)
@click.argument("links", nargs=-1, required=True, type=int, metavar="LINK...")
@click.option("--note", metavar="TEXT", help="Why; kept with what you say.")
@base.json_option
def apart(links: tuple[int, ...], note: str | None, as_json: bool) -> None:
    """Say that releases are not one: it is not asked again.

    LINK: as `musicdb collection matches` lists it. `musicdb undo` takes it back.

    \b
    Example:
      musicdb collection apart 12 13
    """
    _answer("reject_release", links, note, as_json, "apart")


def _answer(how: str, links: tuple[int, ...], note: str | None, as_json: bool, what: str) -> None:
    from musicdb.collection import reviewing

    with base.database() as db:
        done = [getattr(reviewing, how)(db, link, note=note) for link in links]
        left = len(reviewing.release_candidates(db))
    operations = [one.operation for one in done if one.operation]
    if as_json:
        base.say_json({"operations": operations, "waiting": left})
        return
    base.say(f"{len(operations):,} {what}; {left:,} wait" + (f"; musicdb undo {operations[-1]} takes {'it' if len(operations) == 1 else 'the last'} back" if operations else ""))


def _explain(row: Any) -> None:
    which = "that very pressing" if row.level == "release" else "the same album, in another pressing"
    base.say(f"{row.artists or 'unknown'} - {row.title} ({row.observed}) may be {which}: {row.their_artist or 'unknown'} - {row.release}, {row.confidence} % sure")
    for name, here, there in (("number", row.catalogue_number, row.their_labels), ("label", row.label, None), ("date", row.date, row.their_date), ("format", row.formats, row.format)):  # fmt: skip
        if here or there:
            base.say(f"  {name}: {here or '?'}" + (f" / {there}" if there else ""))
    for sign in row.signs:
        base.say(f"  - {sign}")
    base.say(f"next: musicdb collection same {row.link} or musicdb collection apart {row.link}")


def _line(row: Any) -> dict[str, Any]:
    facts = ", ".join(str(one) for one in ((row.origin or "").partition("/")[0], row.their_date, row.format) if one)
    return {
        "link": str(row.link), "level": row.level, "sure": row.confidence, "observed": row.observed, "number": _short(row.their_labels or "", 30),
        "there": _short(f"{row.artists or 'unknown'} - {row.title}"),
        "may be": _short(f"{row.release} ({facts})" if facts else row.release or ""),
    }  # fmt: skip


def _short(text: str, limit: int = 44) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


RECORDS = (matches, same, apart)
