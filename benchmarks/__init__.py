"""Measures Limner: `python -m benchmarks` prints one table for each device."""
