"""The DICE network itself: layers, precision, input crops, inference and its camera. Knows nothing of files."""
