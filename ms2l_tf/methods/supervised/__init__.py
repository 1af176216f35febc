"""Plain classifiers: a network that learns from labels alone."""
