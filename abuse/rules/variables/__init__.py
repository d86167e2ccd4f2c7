"""The facts that rules ask for. Classes are listed under RULES.variables in the settings."""
