"""Color science: spaces, luminance, palettes."""
