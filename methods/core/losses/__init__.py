"""What networks minimise: one loss per file, its torch form and its compiled form side by side."""
