"""The tables of the MS2L paper by one command: ``python -m tools.reproduce``."""
