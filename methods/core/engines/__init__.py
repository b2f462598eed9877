"""Training: a compiled engine for the CPU, and a torch engine for a GPU or without a compiler."""
