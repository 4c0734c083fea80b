"""Experiments: what is swept, what is measured, what is expected, and whether it held."""
