"""The five techniques and what they are made of; how fast they are, and how good their maps, is decided elsewhere."""
