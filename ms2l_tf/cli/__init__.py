"""Command lines: flags are read here, turned into frozen dataclasses and passed down."""
