"""Side by side with other libraries: ``python -m benchmarks`` measures, and prints what it measured as a table."""
