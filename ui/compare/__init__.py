"""What the compare page is made of: the choice, the maps, and one module for each part below them."""
