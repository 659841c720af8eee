"""How far a map can be believed: figures about maps, and maps to compare them with; no technique of its own."""
