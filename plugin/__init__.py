"""Limner inside GIMP: standard library only, valid in Python 2.7 and 3."""
