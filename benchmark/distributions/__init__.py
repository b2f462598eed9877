"""Predictive distributions and their arithmetic."""
