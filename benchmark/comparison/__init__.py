"""Two runs held against each other: quality, speed and a verdict."""
