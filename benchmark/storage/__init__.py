"""Where results are kept: a folder with SQLite, or a PostgreSQL database."""
