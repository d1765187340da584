"""Fitting: from landmarks in pixels to the pose, identity and expression of the bodies."""
