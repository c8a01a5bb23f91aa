"""The command line, local services, `doctor` and the demo."""
