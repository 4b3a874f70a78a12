"""Links: samples that are files outside the dataset. Which URLs may be followed, and indexing and reading the files."""
