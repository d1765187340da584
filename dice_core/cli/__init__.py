"""The `dice` command: reads the command line, runs one command, and turns errors into one sentence."""

from __future__ import annotations

# Before anything else is imported that could lie in the current folder.
from dice_core.cli.import_path import leave_out_current_folder

leave_out_current_folder()

import contextlib  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from collections.abc import Sequence  # noqa: E402

# Before numpy is loaded: the matrices here are small, and threads that wait for each other cost many times what they
# gain; the second core has the landmark networks to run.
for _variable in ("OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[_variable] = os.environ.get(_variable, "1")

from dice_core.cli.arguments import parser  # noqa: E402
from dice_core.cli.logs import log_to_stderr  # noqa: E402
from dice_core.errors import DiceError, user_message  # noqa: E402

__all__ = ["main"]

_log = logging.getLogger(__name__)

_FAILED = 1
_INTERRUPTED = 130  # 128 + SIGINT, as shells report a command that Ctrl-C ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name; returns the exit status.

    An expected error is one sentence on standard error. An unexpected one is a traceback there, which a worker's log
    keeps, and a sentence after it.
    """
    options = parser().parse_args(arguments)
    with log_to_stderr(options.verbose):
        try:
            return int(options.run(options) or 0)
        except DiceError as error:
            if options.debug:
                raise
            print(f"dice: {user_message(error)}", file=sys.stderr)
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
            _log.exception("unexpected failure")
            print(f"dice: {user_message(error)}", file=sys.stderr)
            return _FAILED
