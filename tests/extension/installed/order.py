"""The modules of steps, in the order of the session."""

MODULES = ("installing", "capturing", "importing", "failing", "saving", "network", "removing")
