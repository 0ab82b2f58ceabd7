"""A diary of invented plays as three services tell it, with the truth of which of their rows are one play. No clock, no network."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple

SYLLABLES = "ka ri mo ten val dor es lin ur fa bel nor sti gra pol wen ash hoth mir jun".split()
START = 1_700_000_000
SPELLED = (
    lambda t, a: (t, a),
    lambda t, a: (t.upper(), a),
    lambda t, a: (t + " - 2011 Remaster", a),
    lambda t, a: (t, "The " + a),
    lambda t, a: (t + " (feat. Ann Delta)", a),
    lambda t, a: (t[:2] + t[3:] if len(t) > 9 else t, a),  # a letter is lost
    lambda t, a: (t, a + " & Ann Delta"),
)


class Song(NamedTuple):
    title: str
    artist: str
    seconds: int


@dataclass
class Told:
    """One row of a service: at in seconds since 1970, played in seconds where the service says it; play = the true play it tells."""

    play: int
    platform: str
    title: str
    artist: str
    at: int
    length: int | None
    played: int | None


@dataclass(frozen=True)
class Habits:
    """How the services work. stamps: where in a play each stamps; ahead: seconds its clock is wrong; lost: share of plays it never got."""

    stamps: tuple[tuple[str, tuple[str, ...]], ...] = (("spotify", ("start",)), ("lastfm", ("start",)), ("listenbrainz", ("start",)))
    ahead: tuple[tuple[str, int], ...] = ()
    lost: float = 0.08
    only: float = 0.1  # plays that a scrobbler alone has: records, other players
    repeats: float = 0.08
    skips: float = 0.15
    jitter: int = 4


def diary(plays: int, habits: Habits = Habits(), seed: int = 7, songs: int = 300) -> list[Told]:
    """Rows of three services in order of time. Songs repeat in a row, are left early, paused, lost, and are spelled by each in its way."""
    rng = random.Random(seed)

    def words(*lengths: int) -> str:
        return " ".join("".join(rng.choices(SYLLABLES, k=rng.randrange(2, 4))) for _ in range(rng.choice(lengths))).title()

    library = [Song(words(1, 2, 3), words(1, 2, 2), rng.choice((rng.randrange(45, 120), *[rng.randrange(140, 420)] * 5))) for _ in range(songs)]
    spelling = {(s, p): SPELLED[rng.choice((0, 0, 0, 1, 2, 3, 4, 5, 6))] for s in range(songs) for p in ("spotify", "lastfm", "listenbrainz")}
    known = {(s, p): rng.random() < 0.7 for s in range(songs) for p in ("lastfm", "listenbrainz")}
    stamps, ahead = dict(habits.stamps), dict(habits.ahead)
    out: list[Told] = []
    now, song, play = START, 0, 0
    while play < plays:
        if rng.random() > habits.repeats:
            song = rng.randrange(songs)
            now += rng.choice((0, 0, 0, 1, 2, 30, 3600, 40_000))
        length = library[song].seconds
        skipped = rng.random() < habits.skips
        played = rng.randrange(2, max(3, min(length, 60))) if skipped else length
        pause = rng.choice((0,) * 15 + (20, 70))
        by_others = rng.random() < habits.only
        for platform in stamps:
            if (platform == "spotify") == by_others and platform == "spotify":
                continue
            if platform != "spotify" and (played < 30 or played < min(length / 2, 240)):
                continue
            if rng.random() < habits.lost:
                continue
            place = rng.choice(stamps[platform])
            at = now + ahead.get(platform, 0) + {"start": 0, "half": int(min(length / 2, 240)), "end": played + pause}[place]
            at += 0 if platform == "spotify" else rng.randrange(-habits.jitter, habits.jitter + 1)
            title, artist = spelling[song, platform](library[song].title, library[song].artist)
            says = platform == "spotify"
            out.append(Told(play, platform, title, artist, at, length if says or known[song, platform] else None, played if says else None))
        now += played + pause
        play += 1
    return sorted(out, key=lambda t: (t.at, t.platform))
