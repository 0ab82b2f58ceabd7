"""A bar for long work, in a terminal and in a notebook: `load.run(db, "files", path, progress=Bar())`."""

from __future__ import annotations

import sys
from typing import Any

from .terminal import in_a_line


class Bar:
    """progress(done, total or None, what) as a bar: in a notebook a widget, else on standard error where that is a terminal."""

    def __init__(self, show: bool = True):
        self.show = show
        self.bar: Any = None

    def __call__(self, done: int, total: int | None, what: str) -> None:
        if self.bar is None:
            self.bar = self._make(total)
        bar = self.bar
        if bar.disable:
            return
        if done < bar.n:  # the next piece of work
            bar.reset(total=total)
        bar.total = total
        bar.set_description_str(in_a_line(str(what)[:40]), refresh=False)
        bar.update(done - bar.n)
        if total and done >= total:
            bar.refresh()

    def clear(self) -> None:
        """Take the bar off its line, so that something can be printed; it comes back at the next step."""
        if self.bar is not None and not self.bar.disable:
            self.bar.clear()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()

    def _make(self, total: int | None) -> Any:
        if "ipykernel" in sys.modules:
            from tqdm.auto import tqdm

            return tqdm(total=total, unit="", disable=not self.show)
        from tqdm import tqdm

        return tqdm(total=total, unit="", disable=None if self.show else True, leave=False, dynamic_ncols=True)
