"""Building of the frame index of a video file, and its verification."""
