"""Suites: one TOML file each."""
