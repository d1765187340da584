"""Training of the small network that reads expressions, gaze and head turn from what the face network sees."""
