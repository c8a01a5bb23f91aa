"""Running models in this process: where they run, what may be loaded, batches, seeds."""
