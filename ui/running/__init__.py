"""A computation on a page: played, stopped, and its result kept."""
