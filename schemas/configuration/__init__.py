"""`alignbench.toml` and the catalog: what may stand in them, and how a mistake is told."""
