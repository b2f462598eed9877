"""What networks minimise: one loss per file, its torch and its compiled form side by side."""
