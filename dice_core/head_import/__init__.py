"""A user's own head model, made into one that captures work with: the public ICT-FaceKit folder."""
