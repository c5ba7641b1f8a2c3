"""Small programs beside the trainings."""
