"""An embedded world of known truth: drawn scenes, sample photographs, simulated annotators.

The demo and the tests stand on it; nobody needs to read it to understand the pipeline.
"""
