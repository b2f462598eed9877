"""Forecasts of new rows, and whether those rows are inside what a model has seen."""
