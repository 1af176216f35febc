"""Timing of training steps and of the input pipeline: ``python -m tools.benchmarks``."""
