"""Data sets, stresses and metrics of users: what their names refer to, made and checked."""
