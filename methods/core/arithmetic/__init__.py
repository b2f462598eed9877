"""Compiled arithmetic on small arrays: elementary functions and products of matrices."""
