"""`python -m dice_core` is the `dice` command."""

from dice_core.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
