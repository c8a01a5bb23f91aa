"""Places that images come from: a folder, a list of URLs, Parquet files, precomputed captions."""
