"""Tables of Parquet parts: written, listed, read, joined by key, merged."""
