"""The templates that come with Cerberus: one YAML file a reporter, its samples in `samples/<name>/`."""
