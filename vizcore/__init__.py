"""Five ways to see why an image classifier decides, for convolutional networks in PyTorch.

The engine knows nothing of the web page: no module in it imports streamlit (``tests/test_architecture.py`` proves it).
"""

__version__ = "0.1.0"
