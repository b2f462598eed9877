"""Tables in text files: encoding, separator, rows, and what the cells of each column are."""
