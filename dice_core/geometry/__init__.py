"""Geometry at the bottom of everything: meshes, rotations, the camera, rasterising, closest points and insides."""
