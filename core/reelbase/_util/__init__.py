"""Small helpers that know nothing of datasets."""
