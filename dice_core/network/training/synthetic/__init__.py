"""Rendered scenes of hands at faces, with complete truth, from a seed: a data set that nobody has to sign for."""
