"""Tables of rows: files and arrays of a user's own, and the splits of their rows."""
