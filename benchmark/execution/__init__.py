"""Fits and forecasts: what a worker does, and which job runs when."""
