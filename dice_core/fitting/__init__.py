"""Fitting: from landmarks in pixels to the shape, pose and expression of the bodies, frame by frame and over time."""
