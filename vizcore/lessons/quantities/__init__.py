"""The true answers that a lesson can ask for, by their names. To add one: one function here, one line in the table."""
