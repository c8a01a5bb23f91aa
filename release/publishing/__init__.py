"""From rows to a folder that is whole, and to the place where it stays."""
