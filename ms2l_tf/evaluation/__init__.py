"""Measures of frozen features: probes, metrics, floors, reports and figures."""
