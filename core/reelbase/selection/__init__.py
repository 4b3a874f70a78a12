"""Which rows and items: numpy's index rules, filter expressions. No I/O."""
