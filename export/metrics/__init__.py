"""Numbers that compare pictures. NumPy and PyTorch, no files."""
