"""Training painters and arbitrary style."""
