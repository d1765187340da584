"""Test characters for the transfer, made of CC0 parts: `tools/make_characters.py` makes them all."""
