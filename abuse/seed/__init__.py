"""The rows a desk starts with."""

from .load import load_seed

__all__ = ["load_seed"]
