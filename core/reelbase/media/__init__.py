"""Facts of encoded files: frame index, media info, samples to store. No I/O."""
