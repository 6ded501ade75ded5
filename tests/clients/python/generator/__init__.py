"""Makes the golden vectors: the same bytes at every run, from the fixed seeds in `fixture`."""
