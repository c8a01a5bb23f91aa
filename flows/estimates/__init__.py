"""What generating stages would ask of each model, and cost: what `--dry-run` prints."""
