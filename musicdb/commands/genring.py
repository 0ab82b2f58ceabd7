"""Commands about genres: `musicdb genres ...`."""

from __future__ import annotations

from typing import Any

import click

from musicdb.commands import base


@click.group("genres", cls=base.Group)
def genres() -> None:
    """The tree of genres, what platforms' words mean, and what has no place yet.

    \b
    Example:
      musicdb genres tree
      musicdb genres unmapped
      musicdb genres rule "tech-house" "Tech House"
    """


@genres.command(cls=base.Command)
@click.argument("genre", required=False, metavar="[GENRE]")
@click.option("--unused", is_flag=True, help="Also genres that no track has.")
@base.json_option
def tree(genre: str | None, unused: bool, as_json: bool) -> None:
    """Show the genres of your library as a tree, with how many tracks have each.

    The second number counts its kinds too.

    \b
    Example:
      musicdb genres tree
      musicdb genres tree House
    """
    from musicdb import genres as words

    with base.database() as db:
        rows = words.tree(db, genre, unused=unused)
    if as_json:
        base.say_json(rows)
        return
    for row in rows:
        below = f" ({row['tracks_below']:,} with its kinds)" if row["tracks_below"] != row["tracks"] else ""
        base.say(f"{'  ' * row['depth']}{row['name']}  {row['tracks']:,}{below}")
    if not rows:
        base.say(f"no track is {genre} or a kind of it" if genre else "no track has a genre yet")


@genres.command(cls=base.Command)
@base.json_option
def unmapped(as_json: bool) -> None:
    """List genres in use without a place in the tree.

    \b
    Example:
      musicdb genres unmapped
    """
    from musicdb import genres as words

    with base.database() as db:
        rows = words.unmapped(db)
    if as_json:
        base.say_json(rows)
    elif rows:
        base.say(base.table(rows, "name tracks platforms".split()))
        base.say("next: musicdb genres rule WORD GENRE (it is another word for it), or musicdb genres move GENRE --below WIDER")
    else:
        base.say("every genre in use has its place")


@genres.command(cls=base.Command)
@click.argument("genre", required=False, metavar="[GENRE]")
@base.json_option
def rules(genre: str | None, as_json: bool) -> None:
    """List what platforms' words mean.

    \b
    Example:
      musicdb genres rules "Tech House"
    """
    from musicdb import genres as words

    with base.database() as db:
        rows = words.rules(db, genre)
    if as_json:
        base.say_json(rows)
    elif rows:
        base.say(base.table([{"word": row["said"], "means": row["genre"] or "(no genre)"} for row in rows], ["word", "means"]))
    else:
        base.say(f"no rule means {genre}" if genre else "there are no rules")


@genres.command(cls=base.Command)
@click.argument("word")
@click.argument("genre", required=False, metavar="[GENRE]")
@base.json_option
def rule(word: str, genre: str | None, as_json: bool) -> None:
    """Say what a platform's word means; without a GENRE, none at all.

    Every track that it was said of follows at once, whatever platform said it. A word may mean several genres: give several rules.

    \b
    Example:
      musicdb genres rule "tech-house" "Tech House"
      musicdb genres rule "Other"
    """
    from musicdb import genres as words

    with base.database() as db, base.progress(not as_json) as step:
        done = words.add_rule(db, word, genre or "", progress=step)
    _said(done, f"{word} means {genre or 'no genre'}", as_json)


@genres.command("unrule", cls=base.Command)
@click.argument("word")
@click.argument("genre", required=False, metavar="[GENRE]")
@base.json_option
def unrule(word: str, genre: str | None, as_json: bool) -> None:
    """Take a rule back; without a GENRE, all rules of the word.

    \b
    Example:
      musicdb genres unrule "tech-house"
    """
    from musicdb import genres as words

    with base.database() as db, base.progress(not as_json) as step:
        done = words.remove_rule(db, word, genre, progress=step)
    _said(done, f"no rule says what {word} means" if genre is None else f"{word} does not mean {genre} any more", as_json)


@genres.command(cls=base.Command)
@click.argument("genre")
@click.option("--below", metavar="GENRE", help="The wider genre.")
@click.option("--top", is_flag=True, help="At the top of the tree.")
@base.json_option
def move(genre: str, below: str | None, top: bool, as_json: bool) -> None:
    """Put a genre below a wider one, or at the top.

    \b
    Example:
      musicdb genres move "Dub Techno" --below Techno
      musicdb genres move Folk --top
    """
    from musicdb import genres as words

    if (below is None) != top:
        raise click.UsageError("give --below GENRE or --top")
    with base.database() as db, base.progress(not as_json) as step:
        done = words.move(db, genre, below, progress=step)
    _said(done, f"{genre} is {f'a kind of {below}' if below else 'at the top'}", as_json)


def _said(done: Any, text: str, as_json: bool) -> None:
    if as_json:
        base.say_json({"operation": done.operation, "tracks": done.tracks})
    elif done.operation is None:
        base.say("it is so already")
    else:
        base.say(f"{text}; {done.tracks:,} tracks have other genres now")
        base.say(f"next: musicdb undo {done.operation} takes it back")
