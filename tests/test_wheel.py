"""What a wheel ships beside the code is what `assets` looks for, so that an installed musicdb needs no checkout."""

import tomllib
from pathlib import Path

from musicdb import assets

ROOT = Path(__file__).parent.parent


def test_a_wheel_ships_pages_notebooks_and_metadata_where_assets_looks():
    built = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert built["packages"] == ["musicdb"]
    assert built["force-include"] == {name: f"musicdb/_assets/{name}" for name in ("datasette", "notebooks", "metadata.yml")}
    for name in built["force-include"]:
        assert (ROOT / name).exists() and assets.path(name).exists()
    assert not (ROOT / "datasette" / "__init__.py").exists(), "it would stand in for the real datasette"
