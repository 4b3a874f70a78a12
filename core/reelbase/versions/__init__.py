"""Versions: branches, tags, history, diff and merge. It builds on the log; nothing in it knows what a sample is."""
