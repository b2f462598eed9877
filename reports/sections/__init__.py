"""What each section of a report holds: its tables, its sentences and what its figures show."""
