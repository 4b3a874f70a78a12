"""The data of a dataset in the form in which viewers read it."""
