"""Contact of hands with the head: contact pairs, soft tissue that gives way, and touch events."""
