"""Limner's engine: pixels in, colour or paint out.

This file imports nothing and stays valid in Python 2.7: the plug-in ships it beside
protocol.py, inside GIMP's own Python.
"""

__version__ = "0.1.0"
