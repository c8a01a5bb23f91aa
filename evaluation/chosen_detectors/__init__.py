"""Which detectors are to be run, as the command line, a file or a caller names them."""
