"""Whole slides beside their peers: ``python -m benchmarks.slides``."""
