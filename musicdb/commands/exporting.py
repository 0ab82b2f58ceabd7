"""Commands that write playlists for others: export m3u, export rekordbox-xml, export playlists, import playlists."""

from __future__ import annotations

from pathlib import Path

import click

from musicdb.commands import base

playlist_option = click.option(
    "--playlist", "playlists", multiple=True, metavar="NAME", help="Only this playlist or folder; may be given again."
)
of_option = click.option("--of", metavar="PLATFORM", help="The playlists of a platform as they are there, instead of your own.")


@click.command("m3u", cls=base.Command)
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@playlist_option
@of_option
@click.option("--absolute", is_flag=True, help="Whole paths, instead of paths seen from the list.")
@base.json_option
def export_m3u(folder: Path, playlists: tuple[str, ...], of: str | None, absolute: bool, as_json: bool) -> None:
    """Write playlists as M3U8 files, in folders as yours are.

    Paths are relative to each list. A list that musicdb did not write is never overwritten; what did not change is not touched.

    \b
    Example:
      musicdb export m3u ~/Music/Playlists
      musicdb export m3u /media/usb --of rekordbox --playlist "Night Ferry"
    """
    from musicdb.exports import m3u

    with base.database() as db:
        done = m3u.write(db, base.settings.absolute(folder), playlists or None, of=of, absolute=absolute)
    if as_json:
        found = {"lists": [str(p) for p in done.lists], "changed": done.changed, "without_file": done.without_file}
        base.say_json(found | {"left_alone": [str(p) for p in done.left_alone]})
        return
    base.say(f"{folder}: {len(done.lists):,} lists, {done.changed:,} written, {done.without_file:,} places without a file left out")
    for path in done.left_alone:
        base.say(f"  not overwritten, it is not ours: {path}")


@click.command("rekordbox-xml", cls=base.Command)
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@playlist_option
@of_option
@click.option("--only", is_flag=True, help="No other tracks than those of the playlists.")
@base.json_option
def export_rekordbox_xml(file: Path, playlists: tuple[str, ...], of: str | None, only: bool, as_json: bool) -> None:
    """Write the library as an XML that Rekordbox reads.

    Tracks with cues, loops, beat grids, ratings and keys, and your playlists. In Rekordbox: Preferences > Advanced > Database > rekordbox xml,
    then drag from there what you want; nothing is changed before.

    \b
    Example:
      musicdb export rekordbox-xml ~/musicdb.xml
      musicdb export rekordbox-xml set.xml --playlist "Night Ferry" --only
    """
    from musicdb.exports import rekordbox_xml

    with base.database() as db:
        done = rekordbox_xml.write(db, base.settings.absolute(file), playlists or None, of=of, only=only)
    if as_json:
        base.say_json(vars(done) | {"path": str(done.path)})
        return
    base.say(f"{done.path}: {done.tracks:,} tracks, {done.lists:,} playlists and folders with {done.places:,} places")
    if done.without_file or done.places_left_out:
        base.say(f"  left out: {done.without_file:,} tracks without a file, {done.places_left_out:,} places")
    base.say("next: in Rekordbox, Preferences > Advanced > Database > rekordbox xml, choose this file")


@click.command("playlists", cls=base.Command)
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@playlist_option
@of_option
@base.json_option
def export_playlists(file: Path, playlists: tuple[str, ...], of: str | None, as_json: bool) -> None:
    """Write playlists for another musicdb database.

    Folders, order, repeats; tracks are told by ids, ISRC, title and artists. It holds no paths and no listening.

    \b
    Example:
      musicdb export playlists playlists.json
    """
    from musicdb.exports import playlists as lists

    with base.database() as db:
        n = lists.write(db, base.settings.absolute(file), playlists or None, of=of)
    if as_json:
        base.say_json({"file": str(file), "playlists": n})
    else:
        base.say(f"{file}: {n:,} playlists and folders")
        base.say(f"next: musicdb import playlists {file} --db OTHER")


@click.command("playlists", cls=base.Command)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@base.json_option
def import_playlists(file: Path, as_json: bool) -> None:
    """Take over playlists that another musicdb database wrote.

    A playlist that is here already is brought to the state of the file; places whose track is not here are named and left out. One
    operation: `musicdb undo` takes it back.

    \b
    Example:
      musicdb import playlists playlists.json
    """
    from musicdb.exports import playlists as lists

    with base.database() as db:
        done = lists.read(db, base.settings.absolute(file))
    if as_json:
        base.say_json(vars(done))
        return
    base.say(f"playlists: {done.new:,} new, {done.changed:,} changed, {done.unchanged:,} unchanged; {done.places:,} places")
    for sentence in done.missing[:20]:
        base.say(f"  not here: {sentence}")
    if len(done.missing) > 20:
        base.say(f"  not here: {len(done.missing) - 20:,} more (--json shows all)")
