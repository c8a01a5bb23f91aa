"""Places that prompts for image generators come from."""
