"""Ways to key a take: per frame, compact and rigged."""
