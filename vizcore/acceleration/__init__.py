"""What exists for speed only, and can be switched off as a whole; a technique names nothing of it but its one door."""
