"""Stresses: ladders of severities that a model's inputs, rows or targets are put through."""
