"""What rules can do. Classes are listed under RULES.actions in the settings; each action calls a controller."""
