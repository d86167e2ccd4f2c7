"""What the desk asks of the systems around it.

One folder a service: `base.py` is the contract, `default.py` works out of the box.
"""
