"""The format of a release, for those who write it and those who read it.

- `layout`: where files lie in a release, and what their names say.
- `columns`: the columns of its Parquet files.
- `folder`: opening a release, on local disk or in a bucket; `latest` too.
- `manifest`: what `release.json` says.
- `checksums`: `SHA256SUMS`.
- `sentences`: the sentences and images of a release, as they are evaluated.
"""
