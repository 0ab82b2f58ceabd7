"""Labelled records to measure matching on: the fictional library, and public sets where MUSICDB_REAL_DATA is set."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

Record = dict[str, Any]


def demo() -> list[tuple[str, Record]]:
    """(song, record) of every observation of the fictional library, as its platform says it."""
    from musicdb.demo import answers, views

    truth, out = answers.truth(), []
    for f in views.files():
        tags = {k: v for k, v in f.tags.items() if v}
        title = tags.get("title") or f.path.rpartition("/")[2].rpartition(".")[0]
        out.append((truth["local", f.path], tags | {"title": title, "duration_ms": int(f.seconds * 1000), "platform": "local"}))
    for d in views.dj_tracks():
        said = {"title": d.said["Name"], "artist": d.said.get("Artist"), "album": d.said.get("Album"), "duration_ms": int(d.seconds) * 1000}
        out.append((truth["rekordbox", str(d.track_id)], said | {"platform": "rekordbox"}))
    for s in views.streams():
        said = {"title": s.title, "artist": s.artist, "album": s.album, "platform": "spotify", "duration_ms": int(s.seconds * 1000)}
        out.append((truth["spotify", s.uri], said))
    return out


def musicbrainz(real: Path, part: str) -> list[tuple[str, Record]]:
    """(cluster, record) of the MusicBrainz 20K set; part: train or valid."""
    with open(real / "er/musicbrainz20k" / f"{part}.csv", newline="", encoding="utf-8") as file:
        names = {"title": "title", "artist": "artist", "album": "album", "year": "year", "number": "track_no"}
        return [(row["cluster"], {to: row[name] for name, to in names.items()}) for row in csv.DictReader(file)]


def itunes(real: Path, part: str) -> list[tuple[bool, Record, Record]]:
    """(same, one, other) of the structured iTunes-Amazon set; part: train or valid."""
    out = []
    for line in (real / "er/itunes_amazon/structured" / f"{part}.txt").read_text("utf-8").splitlines():
        one, other, label = line.split("\t")
        out.append((label == "1", _song(one), _song(other)))
    return out


def _song(text: str) -> Record:
    said = {k: v.strip() for k, v in re.findall(r"COL (\S+) VAL (.*?)(?= COL |$)", text)}
    length = re.fullmatch(r"(\d+):(\d+)", said.get("Time", ""))
    year = re.search(r"(\d{4}|-\d\d)$", said.get("Released", ""))
    return {
        "title": said.get("Song_Name"), "artist": said.get("Artist_Name"), "album": said.get("Album_Name"),
        "duration_ms": (int(length[1]) * 60 + int(length[2])) * 1000 if length else None, "year": year and year[0].lstrip("-"),
    }  # fmt: skip


def pairs_of(labels: Sequence[object]) -> set[tuple[int, int]]:
    """Pairs of positions with equal labels."""
    groups: dict[object, list[int]] = defaultdict(list)
    for n, label in enumerate(labels):
        groups[label].append(n)
    return {pair for group in groups.values() for pair in combinations(group, 2)}


def scores(found: Iterable[Any], true: Iterable[Any]) -> tuple[float, float, float]:
    """Precision, recall and F1 of what was found."""
    found, true = set(found), set(true)
    both = len(found & true)
    precision, recall = both / max(1, len(found)), both / max(1, len(true))
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)
