"""Models: manifests, the catalog, and generators that run on ONNX Runtime."""
