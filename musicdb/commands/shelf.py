"""Commands about the shelf: `musicdb collection ...`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from musicdb.commands import base
from musicdb.errors import BadInput

COLUMNS = "copy_key artists title year label catalogue_number format folder media_condition sleeve_condition".split()
LISTS = {
    "rip": ("rip_list", "track_id artist_credit title sides in_playlists".split(), "on a record of yours and not as a file"),
    "buy": ("buy_list", "track_id artist_credit title in_playlists liked wanted".split(), "liked, listed or wanted, and owned in no form"),
    "dig": ("dig_list", "copy_key artists title label catalogue_number year in_playlists tracks_on_it".split(), "wanted and not owned"),
}
copies_argument = click.argument("copies", nargs=-1, required=True, metavar="COPY...")
note_option = click.option("--note", metavar="TEXT", help="Why; kept with what you say.")


@click.group("collection", cls=base.Group)
def collection() -> None:
    """Your shelf: copies, conditions, prices, sides, and lists to rip, buy and dig.

    A copy is called by its key, such as discogs/12345, as the list shows it.

    \b
    Example:
      musicdb collection list
      musicdb collection rip
    """


@collection.command("list", cls=base.Command)
@click.argument("text", required=False, metavar="[TEXT]")
@click.option("--status", default="owned", show_default=True, metavar="STATUS", help="owned, wanted, for_sale, sold, saved, or all.")
@click.option("--folder", metavar="NAME", help="Only of this folder.")
@click.option("--label", metavar="NAME", help="Only of this label.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="How many to show.")
@base.json_option
def list_(text: str | None, status: str, folder: str | None, label: str | None, limit: int, as_json: bool) -> None:
    """List copies by artist and year, with what you said of them.

    \b
    Example:
      musicdb collection list
      musicdb collection list "blue note" --status wanted
    """
    from musicdb.collection import shelf

    with base.database() as db:
        rows = shelf.copies(db, status=None if status == "all" else status, folder=folder, label=label, text=text)
    if as_json:
        base.say_json(rows)
        return
    named = ["copies", "copy"][len(rows) == 1]
    if rows:
        base.say(base.table([_plain(row) for row in rows[:limit]], COLUMNS))
    base.say(f"{len(rows):,} {named}" + (f", {limit:,} shown" if len(rows) > limit else ""))
    if not rows:
        base.say("next: musicdb login discogs, then musicdb import discogs; or musicdb import discogs collection.csv")


@collection.command("show", cls=base.Command)
@click.argument("copy", metavar="COPY")
@base.json_option
def show(copy: str, as_json: bool) -> None:
    """Show one copy with its sides and what each is here.

    \b
    Example:
      musicdb collection show discogs/12345
    """
    from musicdb.collection import shelf

    with base.database() as db:
        one, sides, prices = shelf.copy(db, copy), shelf.sides(db, copy), shelf.prices(db, copy)
    if as_json:
        base.say_json({"copy": one, "sides": sides, "prices": prices})
        return
    yours = set(one["edited"])
    for name in (*COLUMNS, "status", "rating", "notes", "purchase_date", "purchase_price", "currency", "sold_date", "sold_price", "worth"):
        if one[name] is not None:
            base.say(f"{name.replace('_', ' ')}: {one[name]}" + (" (you)" if name in yours or (name == "worth" and "value" in yours) else ""))
    lines = [{"place": s["position"] or f"{s['disc_no'] or 1}.{s['track_no'] or '?'}", "side": s["external_id"], "title": s["title"],
              "track": None if s["track_id"] is None else str(s["track_id"]), "here": _here(s)} for s in sides]  # fmt: skip
    if lines:
        base.say(base.table(lines, ["place", "side", "title", "track", "here"]))


@collection.command("edit", cls=base.Command)
@copies_argument
@click.option("--set", "values", multiple=True, metavar="FIELD=VALUE", help="What holds: notes=warped, media_condition=VG+; FIELD= is empty on purpose.")
@click.option("--clear", "cleared", multiple=True, metavar="FIELD", help="Take back what you said of a field: the platform's word counts again.")
@note_option
@base.json_option
def edit(copies: tuple[str, ...], values: tuple[str, ...], cleared: tuple[str, ...], note: str | None, as_json: bool) -> None:
    """Say what holds of copies, whatever the platform tells.

    Fields: status, folder, media_condition, sleeve_condition, rating, notes, purchase_date, purchase_price, currency, sold_date, sold_price,
    value (what it is worth today). It stays through every import; `musicdb undo` takes it back.

    \b
    Example:
      musicdb collection edit discogs/12345 --set media_condition=VG+ --set "notes=warped"
      musicdb collection edit discogs/12345 --clear notes
    """
    from musicdb.collection import editing

    fields = {}
    for one in values:
        name, equals, value = one.partition("=")
        if not equals:
            raise BadInput(f"--set wants FIELD=VALUE, not {one!r}")
        fields[name.strip()] = value.strip() or None
    if not (fields or cleared):
        raise BadInput("say what to change: --set FIELD=VALUE or --clear FIELD")
    with base.database() as db, db.atomic():
        done = [editing.edit(db, list(copies), note=note, **fields)] if fields else []
        done += [editing.clear(db, list(copies), list(cleared), note=note)] if cleared else []
    _said(done, as_json)


@collection.command("sell", cls=base.Command)
@copies_argument
@click.option("--price", metavar="AMOUNT", help="What each was sold for.")
@click.option("--currency", metavar="CODE", help="Such as EUR.")
@click.option("--date", metavar="DATE", help="When; today if left out.")
@note_option
@base.json_option
def sell(copies: tuple[str, ...], price: Any, currency: str | None, date: str | None, note: str | None, as_json: bool) -> None:
    """Say that copies are sold.

    \b
    Example:
      musicdb collection sell discogs/12345 --price 30 --currency EUR
    """
    _do("sell", as_json, list(copies), price, currency=currency, date=date, note=note)


@collection.command("add", cls=base.Command)
@click.argument("release", metavar="RELEASE")
@click.option("--wanted", is_flag=True, help="A wish, not a copy.")
@click.option("--set", "values", multiple=True, metavar="FIELD=VALUE", help="As for `collection edit`.")
@note_option
@base.json_option
def add(release: str, wanted: bool, values: tuple[str, ...], note: str | None, as_json: bool) -> None:
    """Put a further copy, or a wish, on the shelf by hand.

    RELEASE is one that was imported, such as discogs/12345.

    \b
    Example:
      musicdb collection add discogs/12345 --set media_condition=NM --set purchase_price=12.50 --set currency=EUR
    """
    fields = {name.strip(): value.strip() for name, _, value in (one.partition("=") for one in values)}
    _do("add", as_json, release, note=note, **(fields | ({"status": "wanted"} if wanted else {})))


@collection.command("remove", cls=base.Command)
@copies_argument
@base.json_option
def remove(copies: tuple[str, ...], as_json: bool) -> None:
    """Take copies that you added by hand off the shelf.

    \b
    Example:
      musicdb collection remove user/0123456789abcdef
    """
    _do("remove", as_json, list(copies))


@collection.command("link", cls=base.Command)
@click.argument("side", metavar="SIDE")
@click.argument("track", required=False, type=int, metavar="[TRACK]")
@click.option("--not", "apart", is_flag=True, help="It is not the track that it is linked to now.")
@base.json_option
def link(side: str, track: int | None, apart: bool, as_json: bool) -> None:
    """Say which track of yours a side is, or list some that it may be.

    SIDE is called like 12345#A1, as `collection show` lists it; TRACK is the id of a track. `musicdb undo` takes it back.

    \b
    Example:
      musicdb collection link 12345#A1
      musicdb collection link 12345#A1 87
    """
    from musicdb.collection import linking

    with base.database() as db:
        if track is None and not apart:
            rows = linking.candidates(db, side)
            if as_json:
                base.say_json(rows)
            elif rows:
                base.say(base.table(rows, ["track_id", "artist_credit", "title", "version", "album", "has_file", "confidence"]))
                base.say(f"next: musicdb collection link {side} TRACK")
            else:
                base.say("no track of yours is like it")
            return
        done = linking.unlink_side(db, side) if apart else linking.link_side(db, side, track)
    if as_json:
        base.say_json({"operation": done.operation, "tracks": done.tracks, "notes": done.notes})
    else:
        base.say(repr(done))
        if done.operation:
            base.say(f"next: musicdb undo {done.operation} takes it back")


def _list_command(name: str) -> click.Command:
    view, columns, what = LISTS[name]

    @click.option("--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="How many to show.")
    @base.json_option
    def run(limit: int, as_json: bool) -> None:
        from musicdb.collection import shelf

        with base.database() as db:
            rows = getattr(shelf, view)(db)
        if as_json:
            base.say_json(rows)
            return
        if rows:
            base.say(base.table([_plain(row) for row in rows[:limit]], columns))
        base.say(f"{len(rows):,} {what}" + (f", {limit:,} shown" if len(rows) > limit else ""))

    run.__doc__ = f"""List what is {what}.

    What is in most playlists comes first.

    \b
    Example:
      musicdb collection {name}
    """
    return click.command(name, cls=base.Command)(run)


for _name in LISTS:
    collection.add_command(_list_command(_name))


@collection.command("value", cls=base.Command)
@base.json_option
def value(as_json: bool) -> None:
    """Show what the shelf cost and is worth, month by month.

    Of copies whose price is known: what you paid, what you sold for, and the value that you gave it. Below, what Discogs thought all of it
    worth on the days it was asked.

    \b
    Example:
      musicdb collection value
    """
    from musicdb.collection import shelf

    with base.database() as db:
        months, days = shelf.value(db), shelf.estimates(db)
    if as_json:
        base.say_json({"months": months, "estimates": days})
        return
    empty = "no price is known; say one: musicdb collection edit COPY --set purchase_price=12.50 --set currency=EUR"
    base.say(base.table([_plain(row) for row in months], months.columns) if months else empty)
    for row in days[-5:]:
        account = f" ({row.account})" if row.account else ""
        base.say(f"{row.platform}{account} on {row.day}: {row.median} {row.currency or ''} for all of it, {row.minimum} to {row.maximum}")


@collection.command("releases", cls=base.Command)
@click.argument("text", required=False, metavar="[TEXT]")
@base.json_option
def releases(text: str | None, as_json: bool) -> None:
    """List editions: of records, streaming services and tagged files.

    \b
    Example:
      musicdb collection releases "slow tide"
    """
    shown = "id artists title release_date country format labels type tracks".split()
    _table("releases", as_json, "no release is like that", text, shown=shown)


def _table(what: str, as_json: bool, empty: str, *asked: Any, shown: list[str] | None = None) -> None:
    from musicdb.collection import shelf

    with base.database() as db:
        rows = getattr(shelf, what)(db, *asked)
    if as_json:
        base.say_json(rows)
    else:
        base.say(base.table([_plain(row) for row in rows], shown or rows.columns) if rows else empty)


def _do(what: str, as_json: bool, *asked: Any, **options: Any) -> None:
    from musicdb.collection import editing

    work: Callable[..., Any] = getattr(editing, what)
    with base.database() as db:
        done = work(db, *asked, **options)
    _said([done], as_json)


def _said(done: list[Any], as_json: bool) -> None:
    rows = [row for one in done for row in one.rows]
    operations = [one.operation for one in done if one.operation]
    if as_json:
        base.say_json({"operation": operations[-1] if operations else None, "operations": operations, "copies": done[0].copies, "changes": rows})
        return
    if rows:
        base.say(base.table([_plain(row) for row in rows], ["copy_key", "field", "old", "new"]))
    base.say(f"{len(rows):,} values changed of {', '.join(done[0].copies[:3])}{', ...' if len(done[0].copies) > 3 else ''}" if operations else "nothing to do: it is so already")
    if operations:
        base.say(f"next: musicdb undo {operations[-1]} takes it back")


def _here(side: Any) -> str:
    where = [name for name, there in (("file", side["has_file"]), ("rekordbox", side["in_rekordbox"]), ("stream", side["on_stream"])) if there]
    return ", ".join(where) or ("waits for you" if side["waiting"] else "only on the record" if side["track_id"] else "no track")


def _plain(row: Any) -> dict[str, Any]:
    """Years and ids without a comma; long texts cut."""
    plain = {name: str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value for name, value in row.items()}
    return {name: value[:43] + "…" if isinstance(value, str) and len(value) > 44 else value for name, value in plain.items()}
