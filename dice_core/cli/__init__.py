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

from dice_core.cli.libraries import library_problem  # noqa: E402
from dice_core.cli.logs import log_to_stderr  # noqa: E402
from dice_core.cli.starting import started_for  # noqa: E402
from dice_core.cli.streams import prepare_streams  # noqa: E402
from dice_core.errors import DiceError, InputError, is_of_the_system, user_message  # noqa: E402

__all__ = ["main"]

_log = logging.getLogger(__name__)

_FAILED = 1
_INTERRUPTED = 130  # 128 + SIGINT, as shells report a command that Ctrl-C ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name; returns the exit status.

    An expected error is one sentence on standard error, and so is one of the system's. An unexpected one is a traceback
    there, which a worker's log keeps, and a sentence after it.
    """
    prepare_streams()
    with started_for(sys.argv[1:] if arguments is None else arguments):
        if problem := library_problem():
            print(f"dice: {problem}", file=sys.stderr)
            return _FAILED
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    from dice_core.cli.arguments import parser

    options = parser().parse_args(arguments)
    with log_to_stderr(options.verbose):
        try:
            status = int(options.run(options) or 0)
            sys.stdout.flush()
            return status
        except DiceError as error:
            if options.debug:
                raise
            print(f"dice: {user_message(error)}", file=sys.stderr)
            return error.exit_status
        except BrokenPipeError:
            _forget_output()
            return _FAILED
        except KeyboardInterrupt:
            return _INTERRUPTED
        except Exception as error:
            if options.debug:
                raise
            if is_of_the_system(error):
                print(f"dice: {user_message(error)}", file=sys.stderr)
                _forget_output()
                return InputError.exit_status
            _log.exception("unexpected failure")
            print(f"dice: {user_message(error)}", file=sys.stderr)
            return _FAILED


def _forget_output() -> None:
    """Drop what standard output still holds: it cannot be written, and would be tried again at interpreter exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
