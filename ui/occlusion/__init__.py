"""What the occlusion page shows besides its map."""
