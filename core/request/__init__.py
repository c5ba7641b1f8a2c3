"""What a filter is given and what it gives back."""
