"""What viewers are given of a dataset."""
