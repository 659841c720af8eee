"""What cannot be asked of a network."""

from __future__ import annotations


class NetworkError(ValueError):
    """What cannot be asked of this network; the message is a sentence for the user."""
