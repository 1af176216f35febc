"""Encoders and heads; none knows a method, a label or a run."""
