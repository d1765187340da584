"""Where hands touch the head: distances, placement and soft tissue."""
