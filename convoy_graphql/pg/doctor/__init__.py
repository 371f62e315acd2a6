"""Looks at a deployment's database as the server would use it, and says what is wrong with it and what to do."""
