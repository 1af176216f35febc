"""Settings of a run: declared once, checked, turned into flags by the commands."""
