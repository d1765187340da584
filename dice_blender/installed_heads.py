"""Which heads the user has added, as the panel knows it: drawing must not wait for a disk."""

from __future__ import annotations

from dice_core.user_data import installed_heads

__all__ = ["known", "look"]

_known: tuple[str, ...] = ()


def known() -> tuple[str, ...]:
    """The heads that were installed when `look` was called last."""
    return _known


def look() -> None:
    """See which heads are installed."""
    global _known  # noqa: PLW0603
    _known = installed_heads()
