"""The benchmark: how fast stored mails become committed tickets, beside the least any program would have to do."""
