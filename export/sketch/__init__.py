"""Training the colorizer of drawings."""
