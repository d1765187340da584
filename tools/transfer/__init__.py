"""Measuring transfers: performances, a character's mesh in motion, figures, and a baseline to beat."""
