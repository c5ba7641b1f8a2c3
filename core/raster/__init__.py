"""Arrays of pixels: resampling, bands of rows, distances and floods. NumPy alone, no model."""
