"""Which split each image is in, and stays in."""
