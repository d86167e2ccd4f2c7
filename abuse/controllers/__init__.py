"""All writes. Each function is atomic, says who acts (`actor`), and leaves a row of history."""
