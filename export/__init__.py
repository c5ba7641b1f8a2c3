"""Training, export and evaluation of generators. Needs PyTorch; the installed plug-in does not."""
