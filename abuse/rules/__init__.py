"""Business rules: the engine, the variables rules may ask, the actions they may take, and the shipped definitions."""
