"""The figures of a run, each drawn on matplotlib axes."""
