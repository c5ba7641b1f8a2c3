"""Training the colorizer of photographs."""
