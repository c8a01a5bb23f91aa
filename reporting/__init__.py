"""What reports share.

- `bootstrap`: intervals, by drawing images again.
- `tables`: a table as CSV, LaTeX and Parquet.
- `html`: the shell of a page, and the sections of it.
- `figures`: Matplotlib, so that the same table gives the same bytes.
"""
