"""Kernels: features in closed form, from random temporal kernels and instance discrimination."""
