"""Where events go: a seam with two sides, memory and one SQLite file."""
