"""An embedded world: sample photographs with known truth, and simulated annotators.

The demo and the tests stand on it; nobody needs to read it to understand the pipeline.
"""
