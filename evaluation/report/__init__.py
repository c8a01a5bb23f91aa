"""The report: one HTML file that opens offline, with every table and figure beside it."""
