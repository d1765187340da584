"""Progress bars on standard error, where that is a terminal and no log is written there."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["clip_bar", "progress_bar", "share_bar"]


@contextmanager
def progress_bar(title: str | None = None) -> Iterator[Callable[[int, int], None]]:
    """A bar that counts frames; yields a function to be called with the finished and the total frames."""
    if _is_hidden():
        yield lambda _done, _total: None
        return
    from tqdm import tqdm  # here, since it takes as long to load as numpy does

    with tqdm(desc=title, unit="frame", leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


@contextmanager
def clip_bar(total: int) -> Iterator[Callable[[float, str], None]]:
    """A bar for many clips; yields a function to be called with how many are finished, with parts, and a word."""
    form = "{n:.1f} of {total} clips {bar} {elapsed}, {remaining} to go{postfix}"
    if _is_hidden():
        yield lambda _done, _words: None
        return
    from tqdm import tqdm

    with tqdm(total=total, bar_format=form, leave=False) as bar:

        def show(done: float, words: str) -> None:
            bar.n = done
            bar.set_postfix_str(words, refresh=False)
            bar.refresh()

        yield show


@contextmanager
def share_bar(title: str) -> Iterator[Callable[[float], None]]:
    """A bar for work whose steps are of no interest; yields a function to be called with the share that is done."""
    if _is_hidden():
        yield lambda _share: None
        return
    from tqdm import tqdm

    with tqdm(total=1.0, desc=title, bar_format="{desc}: {percentage:.0f}% {bar} {elapsed}", leave=False) as bar:

        def show(share: float) -> None:
            bar.update(share - bar.n)

        yield show


def _is_hidden() -> bool:
    return not sys.stderr.isatty() or logging.getLogger("dice_core").isEnabledFor(logging.INFO)
