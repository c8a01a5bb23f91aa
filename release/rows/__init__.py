"""The rows of a release: labelled sentences, with everything a researcher needs beside them."""
