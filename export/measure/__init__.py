"""Numbers and sheets: what models do on held-out pictures."""
