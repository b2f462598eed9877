"""Compiled loops: one network at a time, small enough to stay in cache."""
