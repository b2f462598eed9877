"""What a method is weak in: features, segments of the rows, and the least changes that matter."""
