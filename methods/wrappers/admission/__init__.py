"""What a model that users bring must be: a regressor, and one that starts afresh."""
