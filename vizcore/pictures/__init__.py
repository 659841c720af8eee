"""Pictures as they come in, are composed and shown: decoding, scenes, figures, colours; no network is known here."""
