"""Small steps over Arrow columns that more than one part of a release needs."""
