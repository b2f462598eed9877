"""Posteriors of networks: draws of their weights, and the forecasts that mix those draws."""
