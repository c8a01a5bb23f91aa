"""What every command is given, and how it speaks: the workspace, progress bars, tables, JSON."""
