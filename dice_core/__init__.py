"""Hand, face, contact and skin deformation from footage: what runs in the worker process."""

import logging

__version__ = "0.1.0"

# Silent unless the program that uses the package asks for its log, as libraries are.
logging.getLogger(__name__).addHandler(logging.NullHandler())
