"""An artist's own character: finding its bones and shape keys, reading it for the worker, applying what it solved."""
