"""Steps of the bake of the open bodies; `tools/bake_bodies.py` runs them in order."""
