"""The networks that come with the project, the material of their scenes, and the program that trains them."""
