"""Selecting parts of data: numpy's index rules and filter expressions. Pure: nothing here does I/O."""
