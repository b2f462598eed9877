"""Tables: what their columns hold, and their rows as arrays of numbers and back."""
