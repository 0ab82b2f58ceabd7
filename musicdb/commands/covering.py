"""Commands about covers: `musicdb covers ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from musicdb.commands import base
from musicdb.commands.deciding import SHOWN, one_track, which

WHERE = click.option("--where", metavar="SQL", help="Which tracks: a condition on the view `library`, or a query that returns track ids. Without it, all.")
ALBUM = click.option("--album", is_flag=True, help="The album that the track is on, instead of the track.")


@click.group("covers", cls=base.Group)
def covers() -> None:
    """Which picture stands for a track or an album: what is missing, what there is, and your choice.

    \b
    Example:
      musicdb covers missing
      musicdb covers show "nightfall"
      musicdb covers rule largest --preview
    """


@covers.command(cls=base.Command)
@click.option("--under", type=click.IntRange(1, 100_000), default=300, show_default=True, metavar="PIXELS", help="What counts as too small: the shorter side.")
@WHERE
@click.option("--limit", type=click.IntRange(1), default=40, show_default=True, metavar="N", help="How many to show.")
@base.json_option
def missing(under: int, where: str | None, limit: int, as_json: bool) -> None:
    """List tracks without a cover, or with a small one.

    \b
    Example:
      musicdb covers missing
      musicdb covers missing --under 600 --where "rating >= 4"
    """
    from musicdb import images

    with base.database() as db:
        rows = images.poor(db, which(where) if where is not None else None, under)
    if as_json:
        base.say_json(rows)
        return
    none = sum(not row["side"] for row in rows)
    if rows:
        base.say(base.table(rows[:limit], "track_id artist_credit title album side".split()))
    base.say(f"{none:,} tracks without a cover, {len(rows) - none:,} with one under {under} pixels" + (f"; {limit} shown" if len(rows) > limit else ""))
    if rows:
        base.say("next: musicdb covers rule larger --preview, or musicdb covers add TRACK FILE --choose")


@covers.command(cls=base.Command)
@click.argument("track", metavar="TRACK")
@ALBUM
@base.json_option
def show(track: str, album: bool, as_json: bool) -> None:
    """List the pictures there are of a track or its album.

    Whose they are, their size, which is shown, and which are the same picture. TRACK is an id, a track_uid, or words to search for.

    \b
    Example:
      musicdb covers show 38
      musicdb covers show "nightfall" --album
    """
    from musicdb import images

    with base.database() as db:
        rows = images.candidates(db, **_target(db, track, album))
    if as_json:
        base.say_json(rows)
        return
    if not rows:
        base.say("no platform brought a picture of it; next: musicdb covers add TRACK FILE")
        return
    base.say(base.table([_line(row) for row in rows], "image whose size of role about".split()))
    base.say("next: musicdb covers choose TRACK IMAGE")


def _line(row: Any) -> dict[str, str]:
    about = ["shown"] if row["shown"] else []
    about += [f"same picture as {row['same_as']}"] if row["same_as"] else []
    return {"image": str(row["image_id"]), "whose": ", ".join(row["platforms"]), "size": f"{row['width']} x {row['height']}", "of": row["of"],
            "role": row["role"], "about": ", ".join(about)}  # fmt: skip


@covers.command(cls=base.Command)
@click.argument("track", metavar="TRACK")
@click.argument("image", metavar="IMAGE", required=False)
@ALBUM
@click.option("--from", "platform", metavar="PLATFORM", help="Follow this platform's picture, instead of a certain one.")
@click.option("--note", metavar="TEXT", help="Why; kept with the decision.")
@base.json_option
def choose(track: str, image: str | None, album: bool, platform: str | None, note: str | None, as_json: bool) -> None:
    """Choose the picture that stands for a track or its album.

    IMAGE is a number of `musicdb covers show`, or its SHA-256. Without it and without --from, trust chooses again. It stays whatever is
    imported later; `musicdb undo` takes it back.

    \b
    Example:
      musicdb covers choose 38 57
      musicdb covers choose 38 --album --from discogs
      musicdb covers choose 38
    """
    from musicdb import images

    if image is not None and platform is not None:
        raise click.UsageError("give an IMAGE or --from, not both")
    with base.database() as db:
        target = _target(db, track, album)
        picture = int(image) if image is not None and image.isdigit() and len(image) < 19 else image
        operation = images.choose(db, **target, image=picture, platform=platform, note=note)
        shown = next((row["image_id"] for row in images.candidates(db, **target) if row["shown"]), None)
    _said(operation, {"image": shown}, f"shown now: picture {shown}" if shown else "no picture is shown", as_json)


@covers.command(cls=base.Command)
@click.argument("track", metavar="TRACK")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@ALBUM
@click.option("--choose", "take", is_flag=True, help="Choose it as well.")
@click.option("--note", metavar="TEXT", help="Why; kept with the decision.")
@base.json_option
def add(track: str, file: Path, album: bool, take: bool, note: str | None, as_json: bool) -> None:
    """Add a picture from your disk to choose from.

    JPEG, PNG, WebP or GIF. It is kept in the database; the file is only read.

    \b
    Example:
      musicdb covers add 38 sleeve.jpg --choose
    """
    from musicdb import images

    with base.database() as db:
        image, operation = images.add(db, **_target(db, track, album), picture=base.settings.absolute(file), show=take, note=note)
    _said(operation, {"image": image}, f"{file.name} is picture {image}" + (" and shown" if take else f"\nnext: musicdb covers choose TRACK {image}"), as_json)


@covers.command(cls=base.Command)
@click.argument("name", metavar="RULE", type=click.Choice(["largest", "larger", "trust"]))
@WHERE
@click.option("--each", is_flag=True, help="Choose for each track, not for albums.")
@click.option("--again", is_flag=True, help="Also where you chose a cover yourself.")
@click.option("--preview", is_flag=True, help="Only show what would change.")
@click.option("--note", metavar="TEXT", help="Why; kept with the decisions.")
@base.json_option
def rule(name: str, where: str | None, each: bool, again: bool, preview: bool, note: str | None, as_json: bool) -> None:
    """Choose covers of many tracks by a rule, as one operation.

    largest: the largest square picture, then the platform trusted most. larger: the picture that is shown now, where there is a larger one of
    it. trust: what was chosen is taken back, and trust chooses. Covers that you chose yourself stay, but for trust and --again.

    \b
    Example:
      musicdb covers rule larger --preview
      musicdb covers rule largest --where "year < 1980"
    """
    from musicdb import images

    with base.database() as db:
        done = images.choose_all(db, which(where), name, whole=not each, again=again, preview=preview, note=note)
        rows = done.rows
    if as_json:
        base.say_json({"operation": done.operation, "decided": done.decided, "changes": rows, "notes": done.notes})
        return
    for remark in done.notes:
        base.say(f"note: {remark}")
    if rows:
        base.say(base.table(rows[:SHOWN], rows.columns))
        if len(rows) > SHOWN:
            base.say(f"... {len(rows) - SHOWN:,} more")
    base.say(f"{len(rows):,} covers {'would change' if preview else 'changed'}")
    if done.operation:
        base.say(f"next: musicdb undo {done.operation} takes it back")
    elif rows:
        base.say("next: the same without --preview")


@covers.command(cls=base.Command)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="How many groups to show.")
@base.json_option
def same(limit: int, as_json: bool) -> None:
    """List pictures that are nearly the same.

    Another size or another encoder of one picture. Only shown: nothing is put together because of it.

    \b
    Example:
      musicdb covers same
    """
    from musicdb import images

    with base.database() as db:
        rows = images.same(db)
        unknown = db.value("select count(*) from images where dhash is null or tint is null")
    if as_json:
        base.say_json({"groups": rows, "unknown": unknown})
        return
    if rows:
        lines = [{"image": str(r["image_id"]), "size": f"{r['width']} x {r['height']}", "platform": r["platform"], "same": ", ".join(map(str, r["same"][:12]))} for r in rows]
        base.say(base.table(lines[:limit], ["image", "size", "platform", "same"]))
    base.say(f"{len(rows):,} pictures are there more than once, in {sum(len(r['same']) for r in rows):,} other sizes or encodings")
    if unknown:
        base.say(f"{unknown:,} pictures were not looked at yet\nnext: musicdb covers fill")


@covers.command(cls=base.Command)
@base.json_option
def fill(as_json: bool) -> None:
    """Note how pictures look that an earlier version stored.

    \b
    Example:
      musicdb covers fill
    """
    from musicdb import images

    with base.database() as db, base.progress(not as_json) as step:
        done, failed = images.fill(db, step)
    if as_json:
        base.say_json({"done": done, "failed": failed})
    else:
        base.say(f"{done:,} pictures looked at" + (f", {failed:,} could not be read" if failed else ""))


def _target(db: Any, track: str, album: bool) -> dict[str, int]:
    """{"track": id} or {"album": id}."""
    from musicdb.errors import BadInput

    id = one_track(db, track)
    if not album:
        return {"track": id}
    found = db.one("select coalesce(t.merged_into_id, t.id) as id from tracks as t where t.id = ?", [id])
    group = db.value("select release_group_id from tracks where id = ?", [found.id]) if found else None
    if group is None:
        raise BadInput(f"track {id} is on no album; leave --album out")
    return {"album": group}


def _said(operation: int | None, more: dict[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        base.say_json({"operation": operation, **more})
        return
    base.say(text)
    base.say(f"next: musicdb undo {operation} takes it back" if operation else "it was so already")
