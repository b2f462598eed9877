"""The distribution that a user's model states itself: how it is asked, and what it answers."""
