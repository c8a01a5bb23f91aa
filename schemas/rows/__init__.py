"""The rows of every table, one class each. Ids are in `schemas.ids`, words in `vocabulary`.

`created_at` (UTC, microseconds) and `run_id` are stamped on every row when its part is written;
they are not fields here. Offsets are Unicode code points, half-open:
`text[start:end] == span.text`.
"""
