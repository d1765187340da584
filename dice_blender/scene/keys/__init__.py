"""Ways to key a take: per frame, compact and rigged. `modes` is the list of them."""

from .modes import DEFAULT_KEYS, KEY_MODES, KeyMode, key_mode

__all__ = ["DEFAULT_KEYS", "KEY_MODES", "KeyMode", "key_mode"]
