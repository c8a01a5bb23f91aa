"""What every stage runs in: workspace and configuration, Prefect looking on, Ray sharing work."""
