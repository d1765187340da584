"""Steps of the bake of the open bodies; `tools/bake_bodies.py` runs them in order.

Constants in these modules that name no source were set by hand; `bake_bodies.py` reports the landmark and key point
errors of the result, on rendered views of the bodies themselves.
"""
