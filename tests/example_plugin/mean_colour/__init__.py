"""A captioner that names the mean colour of an image."""
