"""What the page of lessons shows: their list, one step of one of them, and what was guessed well."""
