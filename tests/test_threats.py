"""docs/threats.md names tests; each must be there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "threats.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)))


@pytest.mark.parametrize("file, name", NAMED)
def test_a_test_that_the_page_of_threats_names_is_there(file, name):
    assert re.search(rf"^(async )?def {name}\(", (Path(__file__).parent / file).read_text("utf-8"), re.M)


def test_each_threat_names_a_wall_and_a_test():
    rows = [line for line in PAGE.partition("## Linux")[0].splitlines() if line.startswith("| ") and not line.startswith(("| who |", "|---"))]
    assert len(rows) >= 14 and all("test_" in line and line.count("|") == 5 for line in rows)
