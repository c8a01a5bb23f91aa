"""Running models: in this process, or behind an endpoint; shared by generators and detectors."""
