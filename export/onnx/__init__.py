"""From checkpoints to models: graphs, manifests, parity."""
