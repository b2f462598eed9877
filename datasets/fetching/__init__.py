"""Fetching data sets from their public sources."""
