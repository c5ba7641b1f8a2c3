"""Pictures for training: read, split, degraded; lines and hints drawn from them."""
