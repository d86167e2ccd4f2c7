"""What the desk asks of the systems around it: one folder a service, `base.py` the contract, `default.py` what works at once."""
