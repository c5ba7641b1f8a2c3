"""GIMP 3.0 and later."""
