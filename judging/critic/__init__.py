"""A critic that never sees the image: its rubric, what it is asked, and how its reply is read."""
