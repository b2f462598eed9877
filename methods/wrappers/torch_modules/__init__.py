"""Torch modules that users bring: what they compute, how they train, and their draws."""
