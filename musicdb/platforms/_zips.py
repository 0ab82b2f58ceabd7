"""What can go wrong while bytes come out of a zip archive: the exceptions of every packing method that zipfile knows."""

from __future__ import annotations

import lzma
import zipfile
import zlib

UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, UnicodeError)
