"""MANO and FLAME on torch, made of what `files` reads, and the bodies of a take that the network's output poses."""
