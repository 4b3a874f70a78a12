"""The base classes that plugins implement (storage, codec, htype, credential provider, viewer), and their specs."""
