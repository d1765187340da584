"""`python -m dice_core` is the `dice` command."""

import gc

from dice_core.cli import main

__all__ = ["command"]


def command() -> int:
    """Run the command in a process that ends with it; returns the exit status."""
    status = main()
    gc.freeze()  # the system takes all memory back: a search for what nobody needs any more takes 30 ms of a capture
    return status


if __name__ == "__main__":
    raise SystemExit(command())
