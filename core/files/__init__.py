"""Picture files, read and written by libvips."""
