"""Models that users bring, as methods: regressors, torch modules and fitted functions."""
