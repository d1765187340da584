"""Work outside Blender's own thread: the worker process, the queue of captures, and what watches them."""
