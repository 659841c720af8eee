"""When a computation runs: paused, resumed, queued between visitors; what it computes is not known here."""
