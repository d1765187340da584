"""Where the log goes: standard error, as much of it as the command line asks for."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["log_to_stderr"]

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


@contextmanager
def log_to_stderr(verbosity: int) -> Iterator[None]:
    """Show the log of `dice_core` on standard error.

    verbosity : 0 for warnings and tracebacks of bugs alone, 1 for the stages of the work as well, 2 for every detail.
    """
    logger = logging.getLogger("dice_core")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_FORMAT))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(_LEVELS[min(verbosity, len(_LEVELS) - 1)])
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
