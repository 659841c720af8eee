"""What the filters page shows."""
