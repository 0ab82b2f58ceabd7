"""`python -m tests.pictures`: the story of the README happens on a fresh demo; what was printed and how it looked goes into the README.

A ```console block holds commands ("$ ...") and what they print; an image of docs/pictures is a page of `musicdb serve` at that moment.
`python -m tests.pictures --text` takes no pictures and needs no browser. A test compares the printed text.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

from click.testing import CliRunner

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- story: made by `python -m tests.pictures` -->", "<!-- /story -->"
PART = re.compile(r"```console\n(?P<block>.+?)```|!\[[^\]]*\]\((?P<picture>docs/pictures/[\w-]+\.png)\)", re.S)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
OPERATION = re.compile(r"(?<=\bundo )\d+|(?<=\boperation )\d+|(?<=\bundone by )\d+|^ +\d+(?=  \d{4}-)", re.M)
FRONT, TRACK = "", "music/tracks/38"
WIDTH, FRONT_HEIGHT, TRACK_HEIGHT = 1000, 545, 874
LIMIT = 200_000  # bytes of a picture


def timeless(text: str) -> str:
    """The text with every point in time, and every number of an operation, made the same: how many an import takes is no part of the story."""
    return TIME.sub("2026-01-01T00:00:00Z", OPERATION.sub("N", text))


def answer(line: str) -> str:
    """What a command prints, in the current folder, on the database music.db there. Raises RuntimeError where it fails."""
    from sqlite_utils.cli import cli as sqlite_utils

    from musicdb.cli import cli

    words = shlex.split(line)
    result = CliRunner().invoke({"musicdb": cli, "sqlite-utils": sqlite_utils}[words[0]], words[1:], env={"MUSICDB_DB": "music.db"})
    if result.exit_code:
        raise RuntimeError(f"{line}: {result.output}") from result.exception
    return "".join(f"{row.rstrip()}\n" for row in result.stdout.splitlines())


def told(readme: str, folder: Path, look: Callable[[Path], object] = lambda picture: None) -> str:
    """Run the story in the demo's folder and return the README with what was printed. look(path) is called where a picture stands.

    A story that differs in its times and numbers of operations only is left as it stands: as a whole, so that its numbers fit each other.
    """
    before, begin, rest = readme.partition(BEGIN)
    story, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the README lacks {BEGIN} ... {END}")

    def happen(part: re.Match[str]) -> str:
        if part["picture"]:
            look(ROOT / part["picture"])
            return part[0]
        lines = [line for line in part["block"].splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(f"{line}\n{answer(line[2:])}" for line in lines) + "```"

    with chdir(folder):
        found = PART.sub(happen, story)
    return before + begin + (story if timeless(found) == timeless(story) else found) + end + after


@contextmanager
def photographer(database: Path) -> Iterator[Callable[[str, int, Path], None]]:
    """Serve a database, and yield take(page, height, path), which writes the top of a page as a small PNG."""
    from playwright.sync_api import sync_playwright

    from musicdb.web import serve

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if found is None:
        raise SystemExit("no Chromium on the path: install one, or leave the pictures out with --text")
    sock = serve.listen(18960)
    server = serve.server(database, sock)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
            page = browser.new_page(color_scheme="light")

            def take(address: str, height: int, path: Path) -> None:
                page.set_viewport_size({"width": WIDTH, "height": height})
                page.goto(f"http://127.0.0.1:{sock.getsockname()[1]}/{address}", wait_until="networkidle")
                path.parent.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=path)
                if (size := path.stat().st_size) > LIMIT:
                    raise SystemExit(f"{path} has {size:,} bytes, more than {LIMIT:,}")
                print(f"{path.relative_to(ROOT)}  {size:,} bytes")

            yield take
            browser.close()
    finally:
        server.should_exit = True
        thread.join(20)
        sock.close()


def main(pictures: bool) -> None:
    from musicdb.cli import cli

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "demo"
        made = CliRunner().invoke(cli, ["demo", "--dir", str(folder), "--no-serve"], env={"MUSICDB_DB": os.devnull})
        if made.exit_code:
            raise SystemExit(made.output)
        readme = ROOT / "README.md"
        text = readme.read_text("utf-8")
        if pictures:
            with photographer(folder / "music.db") as take:
                take(FRONT, FRONT_HEIGHT, ROOT / "docs" / "pictures" / "library.png")
                text = told(text, folder, lambda path: take(TRACK, TRACK_HEIGHT, path))
        else:
            text = told(text, folder)
        readme.write_text(text, "utf-8")


if __name__ == "__main__":
    main(pictures="--text" not in sys.argv[1:])
