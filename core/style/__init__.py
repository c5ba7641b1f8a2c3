"""Apply Style: tiles, brushes, painters, style pictures."""
