"""What captioners and image generators are given, and the rows of what they make."""
