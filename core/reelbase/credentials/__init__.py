"""Credentials: which of them a URL is read with, whether they may be used for it, and when they are renewed."""
