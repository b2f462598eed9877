"""What changes how scores on a data set are to be read, found before anything is fitted."""
