"""MS2L: multi-task self-supervised learning for skeleton-based action recognition."""

__version__ = "0.1.0"
