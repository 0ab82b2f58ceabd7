"""Commands that tell what years of listening say: `musicdb stats ...`, a line a question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from musicdb.commands import base

WHAT = ["artists", "albums", "tracks", "genres"]
SINCE = click.option("--since", metavar="DATE", help="From this day on: 2024, 2024-05 or 2024-05-12.")
UNTIL = click.option("--until", metavar="DATE", help="Before this day.")
USER = click.option("--user", metavar="NAME", help="Whose; without it, everybody's.")
LIMIT = click.option("--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="How many.")
PLATFORM = click.option("--platform", metavar="PLATFORM", help="Only of this service: rekordbox, spotify, ...")
GAP = click.option("--gap", "gap_min", type=click.IntRange(1), default=30, show_default=True, metavar="MINUTES", help="A longer pause begins a new session.")
TRACK = click.option("--track", type=int, metavar="ID", help="Only of this track.")
PERIOD = (SINCE, UNTIL, USER)


def per(*periods: str) -> Callable[..., Any]:
    """The option --per."""
    return click.option("--per", type=click.Choice(periods), default="month", show_default=True, help="Length of a period.")


@dataclass(frozen=True)
class Question:
    """A statistic: its function ("statistics.top"), help, example, options; what: whether it is asked of artists, albums, tracks or genres."""

    function: str
    help: str
    example: str
    options: tuple[Callable[..., Any], ...]
    what: bool = False


QUESTIONS = {
    "top": Question("statistics.top", "What was played most, in any period.", "top artists --since 2024 --until 2025", (*PERIOD, LIMIT), True),
    "top-by": Question("statistics.top_artists_by", "The first artists of every month or year.", "top-by --per year", (per("month", "year"), *PERIOD, LIMIT)),
    "plays": Question("statistics.plays_by", "How much was listened in each day, month or year.", "plays --per year", (per("day", "month", "year"), *PERIOD)),
    "hours": Question("statistics.hours", "Plays by day of the week (0 is Monday) and hour.", "hours --since 2024", PERIOD),
    "streaks": Question("statistics.streaks", "Days in a row with a play, the longest first.", "streaks", (*PERIOD, LIMIT)),
    "discoveries": Question("statistics.discoveries", "What was heard for the first time in a period.", "discoveries artists --since 2024", (*PERIOD, LIMIT), True),
    "forgotten": Question(
        "statistics.forgotten", "Favourites that were not played for long.", "forgotten tracks --days 700",
        (click.option("--days", type=click.IntRange(1), default=365, show_default=True, help="For so many days."),
         click.option("--least", type=click.IntRange(1), default=10, show_default=True, metavar="N", help="Played so often before."), USER, LIMIT), True,
    ),
    "skips": Question("statistics.skips", "Tracks that are skipped most.", "skips --since 2024", (*PERIOD, LIMIT)),
    "genres": Question("statistics.genres_by_year", "The most played genres in each year.", "genres", (USER, LIMIT)),
    "sessions": Question("statistics.sessions", "Times of listening without a longer pause; with --platform rekordbox, sets.", "sessions --platform rekordbox", (*PERIOD, PLATFORM, GAP, LIMIT)),
    "followed": Question(
        "statistics.followed", "What followed what; with --platform rekordbox, as it was mixed.", "followed --platform rekordbox",
        (TRACK, *PERIOD, PLATFORM, GAP, click.option("--least", type=click.IntRange(1), default=2, show_default=True, metavar="N", help="So often."), LIMIT),
    ),
    "owned": Question("statistics.owned", "Listening against owning: files, records, streams, nothing.", "owned", PERIOD),
    "likes": Question("metrics.likes", "When each track was liked at each service, and until when.", "likes --platform tidal", (TRACK, PLATFORM, LIMIT)),
    "likes-by": Question("metrics.likes_by", "Likes given and taken back in each day, month or year.", "likes-by --per year", (per("day", "month", "year"),)),
    "numbers": Question(
        "metrics.numbers", "Popularity, play counts and ratings over time.", "numbers --track 12",
        (TRACK, click.option("--metric", metavar="NAME", help="popularity, play_count, rating, skip_count or energy."), PLATFORM, LIMIT),
    ),
}  # fmt: skip


@click.group("stats", cls=base.Group)
def stats() -> None:
    """What years of listening say: tops, streaks, hours, sessions, likes.

    \b
    Example:
      musicdb stats top artists --since 2024
      musicdb stats owned
    """


def command(name: str, asked: Question) -> click.Command:
    """The command of a question."""

    def run(as_json: bool, **options: Any) -> None:
        import importlib

        module, _, function = asked.function.partition(".")
        answer = getattr(importlib.import_module(f"musicdb.listens.{module}"), function)
        if asked.what:
            what = options.pop("what")
            with base.database() as db:
                rows = answer(db, what, **options)
        else:
            with base.database() as db:
                rows = answer(db, **options)
        if as_json:
            base.say_json([dict(row) for row in rows])
        elif rows:
            shown = [column for column in rows.columns if not column.endswith("_id") or column in ("track_id", "then_track_id")]
            base.say(base.table([{c: str(row[c]) if c in ("track_id", "then_track_id", "release_year") and row[c] is not None else row[c] for c in shown} for row in rows], shown))
        else:
            base.say("nothing of that is known; `musicdb listens unmatched` and `musicdb import --help` say what there is")

    params = [click.Argument(["what"], type=click.Choice(WHAT))] if asked.what else []
    made = base.Command(name, callback=run, params=params, help=f"{asked.help}\n\n\b\nExample:\n  musicdb stats {asked.example}")
    for option in (base.json_option, *reversed(asked.options)):
        option(made)
    made.params = [*params, *(p for p in reversed([p for p in made.params if p not in params]))]
    return made


for _name, _asked in QUESTIONS.items():
    stats.add_command(command(_name, _asked))
