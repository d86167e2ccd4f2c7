"""The calls of the older web client: each as that client sends it, and the fields that it reads."""
