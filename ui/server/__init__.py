"""What stands between the net and the pages: how much a visitor may send, and what goes when a visitor goes."""
