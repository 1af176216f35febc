"""Measured results: ``results/<set>/<recipe>.json``, and ``docs/results.md`` made from them."""
