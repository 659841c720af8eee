"""Five ways to see why an image classifier decides, for convolutional networks in PyTorch.

The engine knows nothing of the web page: no module in it imports streamlit (``tests/project/test_architecture.py``).
"""

import os

# Threads of a parallel region that wait for each other shall sleep, not spin: where several computations share the
# cores (more than one visitor, say), spinning made small networks four times slower. torch reads it at its import.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.1.0"
