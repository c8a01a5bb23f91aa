"""Questions about images: reading them from files, and the tasks that they belong to."""
