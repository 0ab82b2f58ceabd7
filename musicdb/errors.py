"""What can go wrong, as one tree. The library raises; only the command line exits.

MusicdbError
  BadInput                a path, argument or value from a person is unusable (exit 2 on the command line)
    UnknownSource         the file is not one that this importer reads; the message names the one that does
    KnownAlready          what was to be added is there; .id says which row
  DatabaseError
    NotOurDatabase        the file is SQLite, but another program's
    NewerSchema           written by a newer musicdb: refuse to write
    DatabaseBusy          another process holds the write lock for longer than the timeout
    DatabaseFull          the disk, or a page limit, is full; nothing of the batch was stored
    BadBackup             a backup does not equal what was backed up
  PayloadError            one item of a platform is unusable: goes to `quarantine`, the rest goes on
  SourceError             a platform cannot be read further now
    LoginNeeded
    RateLimited           .wait_s says for how long
    Transient
  NotLinked               an observation has no track
  StalePlan               what a plan was made for has moved on since
"""


class MusicdbError(Exception):
    """Base of every error that musicdb raises on purpose. The text says what, which one, and what to do next."""


class BadInput(MusicdbError):
    """A path, argument or value that a person gave is unusable."""


class UnknownSource(BadInput):
    """The file is not one that this importer reads."""


class KnownAlready(BadInput):
    """What was to be added is there already."""

    def __init__(self, message: str, id: int | None = None):
        super().__init__(message)
        self.id = id


class DatabaseError(MusicdbError):
    """The database file cannot be used as asked."""


class NotOurDatabase(DatabaseError):
    """The file is SQLite, but another program's."""


class NewerSchema(DatabaseError):
    """The file was written by a newer musicdb."""


class DatabaseBusy(DatabaseError):
    """Another process held the write lock for longer than the busy timeout."""


class DatabaseFull(DatabaseError):
    """The disk or a page limit is full; nothing of the running batch was stored."""


class BadBackup(DatabaseError):
    """A backup does not equal what was backed up."""


class PayloadError(MusicdbError):
    """One item of a platform is unusable; `load` puts it into `quarantine` with this text as the reason."""


class SourceError(MusicdbError):
    """A platform cannot be read further now; what was read is stored."""


class LoginNeeded(SourceError):
    """The platform wants a login."""


class RateLimited(SourceError):
    """The platform asks to wait."""

    def __init__(self, message: str, wait_s: float = 60.0):
        super().__init__(message)
        self.wait_s = wait_s


class Transient(SourceError):
    """A passing fault: try again."""


class NotLinked(MusicdbError):
    """An observation that has no track was used where a track is needed."""


class StalePlan(MusicdbError):
    """What a plan was made for has moved on since: nothing of it was carried out; the text says what changed."""
