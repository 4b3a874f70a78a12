"""Versions: branches, tags, history, diff and merge. They work on commits and know nothing about kinds of samples."""
