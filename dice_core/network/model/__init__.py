"""The DICE network itself: layers, precision, crops and inference."""
