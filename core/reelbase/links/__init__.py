"""Links: samples whose bytes are elsewhere. Which URLs may be followed, what is found there, and reading it later."""
