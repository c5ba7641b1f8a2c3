"""Motion between frames, scenes, and colors that stay steady. NumPy alone."""
