"""Lessons: questions whose true answers are computed, read from plain files that a lecturer writes."""
