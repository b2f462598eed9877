"""Random numbers by counting: a number is a function of a key and of its position."""
