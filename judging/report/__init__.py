"""The report on questions: tables, figures and a page."""
