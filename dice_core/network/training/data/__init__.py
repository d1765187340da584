"""Where samples come from: rendered scenes, and what users hold under their owners' licences."""
