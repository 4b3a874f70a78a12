"""The on-disk format. No other package knows how a dataset is laid out. See docs/explanation/format.md."""
