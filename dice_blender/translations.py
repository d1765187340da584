"""German for everything that the extension shows."""

from __future__ import annotations

__all__ = ["register", "unregister"]


def register() -> None:
    """x"""


def unregister() -> None:
    """x"""
