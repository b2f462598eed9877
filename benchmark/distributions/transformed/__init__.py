"""Targets transformed for a fit: the transforms, their choice, and forecasts in target units."""
