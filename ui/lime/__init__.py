"""What the page of LIME shows besides its map."""
