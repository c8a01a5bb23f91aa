"""What captioners are asked in benchmarks; alone, so that a bare client imports nothing else."""

INSTRUCTION = "Describe the image."
