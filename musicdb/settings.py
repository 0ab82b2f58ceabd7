"""Where things are and what is switched on: a command-line option, else the environment, else the default. Pure.

The environment comes in as an argument: only the command line, the notebooks and the plugins' entry points pass `os.environ`.

MUSICDB_DB            the database file               default: music.db in the user's data folder
MUSICDB_LISTENS_DB    the file with the listening history, apart from the library   default: in the database
MUSICDB_BACKUP_DIR    where backups go                default: the folder `backups` beside the database
MUSICDB_AUTO_BACKUP   when backups are made unasked   0 never; unset before a migration; 1 also once a day before an import
MUSICDB_LOG_SQL       log every SQL statement, values masked: 1 to the terminal, a path to that file
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from musicdb.errors import BadInput

ON, OFF = {"1", "on", "yes", "true", "daily"}, {"0", "off", "no", "false"}


@dataclass(frozen=True)
class Setting:
    """One setting as it stands: what it is, whose word it is ("--db", "MUSICDB_DB", "default"), what it does."""

    name: str
    value: str
    origin: str
    description: str


@dataclass(frozen=True)
class Settings:
    """All settings. listens: None = in the database, or where that says; auto_backup: "never", "migration" or "daily"; log_sql: None, "-" for the terminal, or a path."""

    database: Path
    listens: Path | None
    backup_dir: Path
    auto_backup: Literal["never", "migration", "daily"]
    log_sql: str | None
    listing: tuple[Setting, ...]

    def as_dicts(self) -> list[dict[str, str]]:
        return [asdict(setting) for setting in self.listing]


def read(environ: Mapping[str, str], database: str | Path | None = None) -> Settings:
    """Return the settings for this environment; `database` is what a person gave by --db.

    Raises BadInput for a value that means nothing.
    """
    path, origin = _first((database, "--db"), (environ.get("MUSICDB_DB"), "MUSICDB_DB"), (default_database(), "default"))
    path = absolute(path)
    listens = absolute(environ["MUSICDB_LISTENS_DB"]) if environ.get("MUSICDB_LISTENS_DB") else None
    folder, folder_origin = _first((environ.get("MUSICDB_BACKUP_DIR"), "MUSICDB_BACKUP_DIR"), (path.parent / "backups", "default"))
    auto, auto_origin = _first((environ.get("MUSICDB_AUTO_BACKUP"), "MUSICDB_AUTO_BACKUP"), ("migration", "default"))
    log, log_origin = _first((environ.get("MUSICDB_LOG_SQL"), "MUSICDB_LOG_SQL"), ("0", "default"))
    auto_backup = _auto_backup(str(auto))
    log_sql = _log_sql(str(log))
    folder = absolute(folder)
    listing = (
        Setting("MUSICDB_DB", str(path), origin, "the database file"),
        Setting("MUSICDB_LISTENS_DB", str(listens or ""), "MUSICDB_LISTENS_DB" if listens else "default", "the file with the listening history"),
        Setting("MUSICDB_BACKUP_DIR", str(folder), folder_origin, "the folder that backups go to"),
        Setting("MUSICDB_AUTO_BACKUP", auto_backup, auto_origin, "backups unasked: never (0), migration, daily (1)"),
        Setting("MUSICDB_LOG_SQL", log_sql or "off", log_origin, "log SQL, values masked: 1 to the terminal, or a file"),
    )
    return Settings(path, listens, folder, auto_backup, log_sql, listing)


def data_folder() -> Path:
    """The user's data folder for musicdb on this system; not created here."""
    import platformdirs  # 13 ms, only where a default is needed

    return platformdirs.user_data_path("musicdb", appauthor=False)


def default_database() -> Path:
    return data_folder() / "music.db"


def demo_folder() -> Path:
    """Where `musicdb demo` builds its library without --dir: never the folder of the user's own database."""
    return data_folder() / "demo"


def notebook_database(environ: Mapping[str, str]) -> Path:
    """The database that a notebook opens: MUSICDB_DB (`musicdb lab` sets it), else the demo's."""
    given = environ.get("MUSICDB_DB")
    return absolute(given) if given else demo_folder() / "music.db"


def absolute(path: str | Path) -> Path:
    """Expand ~ and make absolute, without resolving links (a linked library stays where its owner sees it)."""
    text = str(path)
    if "\0" in text:
        raise BadInput("a path cannot hold a NUL character")
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:  # ~nobody/...
        raise BadInput(f"{text}: {error}") from error


def _first(*choices: tuple[str | Path | None, str]) -> tuple[str | Path, str]:
    for value, origin in choices:
        if value not in (None, ""):
            return value, origin
    raise AssertionError("the last choice is never empty")


def _auto_backup(value: str) -> Literal["never", "migration", "daily"]:
    word = value.strip().lower()
    if word in OFF or word == "never":
        return "never"
    if word == "migration":
        return "migration"
    if word in ON:
        return "daily"
    raise BadInput(f"MUSICDB_AUTO_BACKUP is {value!r}: use 0 (never), migration, or 1 (also once a day before an import)")


def _log_sql(value: str) -> str | None:
    word = value.strip().lower()
    if word in OFF:
        return None
    return "-" if word in ON or word == "-" else str(absolute(value.strip()))
