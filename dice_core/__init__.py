"""Hand, face, contact and skin deformation from footage: what runs in the worker process."""

__version__ = "0.1.0"
