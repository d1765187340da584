"""The open engine, which needs nothing beyond what ships with it."""
