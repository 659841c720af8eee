"""What the page of interventions shows: a scene whose parts can be moved, removed and exchanged, and their effects."""
