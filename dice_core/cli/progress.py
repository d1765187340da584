"""A progress bar on standard error, where that is a terminal and no log is written there."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(title: str | None = None) -> Iterator[Callable[[int, int], None]]:
    """A bar that counts frames; yields a function to be called with the finished and the total frames."""
    hidden = not sys.stderr.isatty() or logging.getLogger("dice_core").isEnabledFor(logging.INFO)
    with tqdm(desc=title, unit="frame", disable=hidden, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
