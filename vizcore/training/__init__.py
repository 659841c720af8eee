"""How the bundled networks are made and measured; loading them is in :mod:`vizcore.networks.bundled`."""
