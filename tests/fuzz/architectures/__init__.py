"""Random image classifiers by number, and every technique on them against plain torch in double precision."""
