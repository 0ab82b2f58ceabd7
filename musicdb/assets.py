"""Where templates, notebooks and metadata.yml are: beside the installed package, or at the root of a checkout."""

from __future__ import annotations

from pathlib import Path


def path(name: str) -> Path:
    """The folder or file `name` ("datasette", "notebooks", "metadata.yml") that belongs to this package."""
    package = Path(__file__).resolve().parent
    for root in (package / "_assets", package.parent):
        if (root / name).exists():
            return root / name
    raise FileNotFoundError(f"{name} is missing beside {package}; install musicdb again")
