"""GIMP 2.10, where it was built with Python."""
