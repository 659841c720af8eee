"""What the saliency page shows besides its maps."""
