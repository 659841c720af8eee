"""A hall answers a lesson's questions on its telephones: rooms in a file that the operator names, and what is shown."""
