"""Links: samples whose bytes lie elsewhere. Which URLs may be followed, what is found there, and reading it later."""
