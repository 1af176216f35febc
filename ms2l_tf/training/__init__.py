"""Runs: building models from settings, distribution, checkpoints, monitors."""
