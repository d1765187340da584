"""The sample clip: what happens in it, the physics behind it, its look, and its ground truth."""
