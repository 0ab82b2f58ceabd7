"""Text files of scrobbles: CSV of the common exporters of Last.fm and Libre.fm, with or without a header, and players' .scrobbler.log.

A row becomes {one set of names for the columns that are known, the file's own names for the others: text}.

    header          lastfm-to-csv and ghan.nl (uts, utc_time, artist, artist_mbid, album, album_mbid, track, track_mbid), lastfmstats
                    (Artist;Album;AlbumId;Track;Date#user, in ms), Libre.fm (Artist,Track,Album,Time, comments above, UTF-7), and the like
    no header       artist,album,track,"31 Dec 2017 23:04" (benjaminbenben's); time, track, artist, album, three MBIDs by tabs
                    (lastexport.py); date, time, artist, track (lastfm-backup)
    .scrobbler.log  artist, album, track, number, seconds, L or S, time, MBID by tabs. Source: audioscrobbler.net/wiki/Portable_Player_Logging
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from . import _history_files as files

NAMES = {
    "artist": "artist artistname performer trackartist artists",
    "album": "album albumname albumtitle release releasename",
    "track": "track title name song trackname tracktitle songtitle",
    "album_artist": "albumartist albumartistname releaseartist",
    "artist_mbid": "artistmbid mbartistid",
    "album_mbid": "albummbid releasembid mbreleaseid",
    "track_mbid": "trackmbid recordingmbid mbid mbrecordingid",
    "uts": "uts timestamp unixtime unixtimestamp epoch datems timems scrobbletimestamp listenedat",
    "time": "time date datetime utctime dateutc scrobbletime scrobbledat playedat isotime datetimeutc localtime",
    "duration": "duration length durationseconds",
    "duration_ms": "durationms",
    "number": "tracknumber tracknum trackno",
}
_COLUMN = {alias: name for name, aliases in NAMES.items() for alias in aliases.split()}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK = re.compile(r"\d\d?:\d\d(:\d\d)?")
_STAMP = re.compile(r"\d{9,19}")
_WRITTEN = re.compile(r"\d{1,2} [A-Za-z]{3,9} \d{4},? \d{1,2}:\d\d(:\d\d)?|\d{4}-\d\d-\d\d[ T]\d\d:\d\d.*")
LOG = ("artist", "album", "track", "number", "duration", "rating", "uts", "track_mbid")
COMMENT = "#"


class Table:
    """A text file as a table: `rows()` yields dicts and Bad. zone: "utc" where the file says so, "unknown" for a player's log without."""

    def __init__(self, member: files.Member):
        self.member, self.foreign, self.zone, self.client = member, [0], None, None
        self.names: list[str] = []
        self.first: list[str] = []  # lines that were looked at already
        self.utf7 = False
        self.lines = files.lines(member, self.foreign)

    def recognised(self) -> bool:
        """Look at the first lines: is this a list of scrobbles?"""
        for line in self.lines:
            if not self.first and line.startswith("+ACM-"):  # "#" in UTF-7, as Libre.fm writes it
                self.utf7 = True
            line = self._plain(line)
            bare = line.strip().strip('"')
            if bare.startswith(COMMENT):
                self._remark(bare)
                continue
            if not bare.strip(",;\t "):
                continue
            self.first = [line]
            break
        if not self.first:
            return self.zone is not None
        if self.zone is not None:
            self.delimiter, self.names = "\t", list(LOG)
            return True
        for self.delimiter in ",;\t|":
            try:
                cells = next(csv.reader([self.first[0]], delimiter=self.delimiter), [])
            except csv.Error:
                continue  # a carriage return in the middle, for one: no header with this delimiter
            if self._header(cells) or self._by_place(cells):
                return True
        return False

    def _remark(self, bare: str) -> None:
        if bare.startswith("#AUDIOSCROBBLER"):
            self.zone = self.zone or "unknown"
        elif bare.startswith("#TZ/"):
            self.zone = "utc" if bare[4:].strip().upper() == "UTC" else "unknown"
        elif bare.startswith("#CLIENT/"):
            self.client = bare[8:].replace("$Revision$", "").strip() or None

    def _header(self, cells: list[str]) -> bool:
        names = []
        for cell in cells:
            plain = re.sub(r"[^a-z]", "", cell.partition("#")[0].lower())
            name = _COLUMN.get(plain)
            names.append(name if name and name not in names else cell.strip() or f"column {len(names) + 1}")
        if "artist" not in names or "track" not in names or not {"uts", "time"} & set(names):
            return False
        self.names, self.first = names, []
        return True

    def _by_place(self, cells: list[str]) -> bool:
        """Files without a header, known by where the time stands."""
        cells = [cell.strip() for cell in cells]
        if len(cells) >= 4 and _DAY.fullmatch(cells[0]) and _CLOCK.fullmatch(cells[1]):
            self.names = ["day", "clock", "artist", "track", "album"][: max(4, len(cells))]
        elif len(cells) >= 3 and _STAMP.fullmatch(cells[0]):
            self.names = ["uts", "track", "artist", "album", "track_mbid", "artist_mbid", "album_mbid"]
        elif len(cells) in (3, 4) and (_WRITTEN.fullmatch(cells[-1]) or _STAMP.fullmatch(cells[-1])):
            self.names = ["artist", *(["album"] if len(cells) == 4 else []), "track", "time"]
        return bool(self.names)

    def rows(self) -> Iterator[Any]:
        """Yield a dict for each row, Bad for one that cannot be read."""
        lines: Iterable[str] = chain(self.first, map(self._plain, self.lines))
        quoting = csv.QUOTE_NONE if self.zone is not None or self.delimiter == "\t" else csv.QUOTE_MINIMAL
        if quoting == csv.QUOTE_NONE:
            lines = (line for line in lines if not line.startswith(COMMENT))
        reader = csv.reader(lines, delimiter=self.delimiter, quoting=quoting)
        fewest = self.names.index("track") + 1
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield files.Bad(f"{self.member.name}, line {reader.line_num}", f"no CSV: {error}")
                continue
            if not any(cell.strip() for cell in cells):
                continue
            row = {name: cell for name, cell in zip(self.names, cells) if cell != ""}
            if len(cells) < fewest or len(cells) > len(self.names) + 1 + (cells[-1].strip() == ""):
                where = f"{self.member.name}, line {reader.line_num}"
                yield files.Bad(where, f"{len(cells)} columns in place of {len(self.names)}", {"line": self.delimiter.join(cells)[:2000]})
                continue
            if "day" in row:
                row["time"] = f"{row.pop('day')} {row.pop('clock', '')}".strip()
            yield row

    def _plain(self, line: str) -> str:
        if self.utf7 and line.isascii():
            try:
                return line.encode().decode("utf-7")
            except UnicodeDecodeError:
                return line
        return line
