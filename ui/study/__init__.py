"""What the study page shows: its settings, and its results as they come."""
