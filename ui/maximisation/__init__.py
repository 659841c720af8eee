"""What the page of input maximisation shows besides its picture."""
