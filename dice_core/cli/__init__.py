"""The `dice` command: reads the command line, runs one command, and turns errors into one sentence."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

# Before numpy is loaded: the matrices here are small, and threads that wait for each other cost many times what they
# gain; the second core has the landmark networks to run.
for _variable in ("OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[_variable] = os.environ.get(_variable, "1")

from dice_core.cli.arguments import parser  # noqa: E402
from dice_core.errors import DiceError  # noqa: E402

__all__ = ["main"]

_FAILED = 1
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except DiceError as error:
        if options.debug:
            raise
        print(f"dice: {error}", file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:
        # Whoever read our output has gone: nothing is left to say, not even at interpreter exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        if options.debug:
            raise
        reason = f"{type(error).__name__}: {error}"
        print(f"dice: an unexpected failure ({reason}): run again with --debug and report it.", file=sys.stderr)
        return _FAILED
