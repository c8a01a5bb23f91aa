"""Label Studio: the page that annotators answer on."""
