"""Commands about publishers and about ids elsewhere: `musicdb publishers ...`, `musicdb ids ...`."""

from __future__ import annotations

import click

from musicdb.commands import base

KINDS = ["artist", "track", "release", "release_group", "publisher", "event", "playlist", "genre", "label"]


@click.group("publishers", cls=base.Group)
def publishers() -> None:
    """Who publishes playlists and releases: people, channels, pages.

    Owners of imported playlists are there by themselves; others by hand, of any platform.

    \b
    Example:
      musicdb publishers list
      musicdb publishers add "Night Tapes" --platform youtube --handle @nighttapes
    """


@publishers.command("list", cls=base.Command)
@click.argument("text", required=False, metavar="[TEXT]")
@base.json_option
def list_(text: str | None, as_json: bool) -> None:
    """List publishers with what they publish.

    \b
    Example:
      musicdb publishers list tapes
    """
    from musicdb.collection import publishers as known

    with base.database() as db:
        rows = known.publishers(db, text)
    if as_json:
        base.say_json(rows)
    elif rows:
        base.say(base.table([dict(row) | {"id": str(row.id)} for row in rows], rows.columns))
    else:
        base.say('nobody yet; one by hand: musicdb publishers add "Night Tapes" --platform youtube --handle @nighttapes')


@publishers.command("add", cls=base.Command)
@click.argument("name", metavar="NAME")
@click.option("--platform", required=True, metavar="PLATFORM", help="Where: youtube, soundcloud, bandcamp, ... any name.")
@click.option("--handle", metavar="HANDLE", help="Name there.")
@click.option("--id", "ids", multiple=True, metavar="SCHEME=VALUE", help="An id elsewhere, of any scheme; may be repeated.")
@base.json_option
def add(name: str, platform: str, handle: str | None, ids: tuple[str, ...], as_json: bool) -> None:
    """Add a publisher, or find the one that is there.

    \b
    Example:
      musicdb publishers add "Night Tapes" --platform youtube --handle @nighttapes --id youtube_channel=UC0123456789
    """
    from musicdb.collection import publishers as known

    pairs = [one.partition("=")[::2] for one in ids]
    if any(not (scheme and value) for scheme, value in pairs):
        raise click.UsageError("--id wants SCHEME=VALUE, such as youtube_channel=UC0123456789")
    with base.database() as db, db.atomic():
        id = known.publisher(db, name, platform, handle)
        for scheme, value in pairs:
            known.identify(db, "publisher", id, scheme, value)
    if as_json:
        base.say_json({"publisher": id})
    else:
        base.say(f"publisher {id}: {name} ({platform})")
        base.say(f"next: musicdb publishers publish {id} --release RELEASE, or --playlist PLAYLIST")


@publishers.command("publish", cls=base.Command)
@click.argument("publisher", type=int, metavar="PUBLISHER")
@click.option("--release", "releases", type=int, multiple=True, metavar="ID", help="Number of a release, as `collection releases` lists it; may be repeated.")
@click.option("--playlist", "playlists", type=int, multiple=True, metavar="ID", help="Number of a playlist of yours; may be repeated.")
@click.option("--not", "apart", is_flag=True, help="They are not of this publisher.")
@base.json_option
def publish(publisher: int, releases: tuple[int, ...], playlists: tuple[int, ...], apart: bool, as_json: bool) -> None:
    """Say that releases or playlists are a publisher's.

    \b
    Example:
      musicdb publishers publish 3 --release 12 --release 13
      musicdb publishers publish 3 --playlist 7 --not
    """
    from musicdb.collection import publishers as known

    if not (releases or playlists):
        raise click.UsageError("name at least one --release or --playlist")
    with base.database() as db, db.atomic():
        done = [(known.unpublish if apart else known.publish)(db, one, publisher) for one in releases]
        done += [known.own(db, one, None if apart else publisher) for one in playlists]
    _said([one for one in done if one], as_json)


@click.group("ids", cls=base.Group)
def ids() -> None:
    """Ids of anything elsewhere: MusicBrainz, YouTube, ISNI, any scheme.

    \b
    Example:
      musicdb ids list track 12
      musicdb ids find UC0123456789
    """


@ids.command("list", cls=base.Command)
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("id", type=int, metavar="ID")
@base.json_option
def list_ids(kind: str, id: int, as_json: bool) -> None:
    """List the ids of one thing, with who says so.

    \b
    Example:
      musicdb ids list artist 3
    """
    from musicdb.collection import publishers as known

    with base.database() as db:
        rows = known.ids(db, kind, id)
    _shown(rows, as_json, f"{kind} {id} has no id elsewhere")


@ids.command("find", cls=base.Command)
@click.argument("value", metavar="VALUE")
@click.option("--scheme", metavar="SCHEME", help="Only of this scheme.")
@base.json_option
def find(value: str, scheme: str | None, as_json: bool) -> None:
    """Find what has this id.

    \b
    Example:
      musicdb ids find GBAYE0601498 --scheme isrc
    """
    from musicdb.collection import publishers as known

    with base.database() as db:
        rows = known.identified(db, value, scheme)
    _shown(rows, as_json, f"nothing has the id {value}")


@ids.command("add", cls=base.Command)
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("id", type=int, metavar="ID")
@click.argument("scheme", metavar="SCHEME")
@click.argument("value", metavar="VALUE")
@base.json_option
def add_id(kind: str, id: int, scheme: str, value: str, as_json: bool) -> None:
    """Note an id of any scheme.

    \b
    Example:
      musicdb ids add artist 3 isni 0000000121174585
    """
    from musicdb.collection import publishers as known

    with base.database() as db:
        done = known.identify(db, kind, id, scheme, value)
    _said([done] if done else [], as_json)


@ids.command("remove", cls=base.Command)
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("id", type=int, metavar="ID")
@click.argument("scheme", metavar="SCHEME")
@click.argument("value", metavar="VALUE")
@base.json_option
def remove_id(kind: str, id: int, scheme: str, value: str, as_json: bool) -> None:
    """Take back an id that was noted by hand.

    \b
    Example:
      musicdb ids remove artist 3 isni 0000000121174585
    """
    from musicdb.collection import publishers as known

    with base.database() as db:
        done = known.forget(db, kind, id, scheme, value)
    _said([done], as_json)


def _shown(rows, as_json: bool, empty: str) -> None:
    if as_json:
        base.say_json(rows)
    else:
        base.say(base.table([{name: None if v is None else str(v) for name, v in row.items()} for row in rows], rows.columns) if rows else empty)


def _said(operations: list[int], as_json: bool) -> None:
    if as_json:
        base.say_json({"operations": operations})
    elif operations:
        base.say(f"done (operation {operations[-1]}; `musicdb undo` takes it back)")
    else:
        base.say("nothing to do: it is so already")
