"""Sources of data: one per file, found by name through the catalogue."""
