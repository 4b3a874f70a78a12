"""The on-disk format: the only package that knows how a dataset is laid out. See docs/explanation/format.md."""
