"""Small servers to test storages against, on loopback and a free port. Needs nothing but the standard library."""
