"""Readers that are not Blender's, for `tools/check_exports.py`."""
