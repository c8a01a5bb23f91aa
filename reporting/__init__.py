"""What reports share: intervals, tables, pages and figures."""
