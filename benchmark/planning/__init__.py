"""From a suite to the cells and jobs that it asks for."""
