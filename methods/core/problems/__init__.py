"""Rows of problems: pooled, split into training and validation parts, and standardised."""
