"""Backends of a store: a folder with SQLite, or a PostgreSQL database."""
