"""Files that users bring: identification, safe reading, checkpoints and body models."""
