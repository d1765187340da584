"""How far hands can be relied on: what a regression learns from captures of rendered scenes."""
