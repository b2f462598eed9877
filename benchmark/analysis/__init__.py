"""From records to statistics, stress curves, rankings and robustness cards."""
