"""What a release counts of itself: its statistics, as tables, figures and a summary."""
