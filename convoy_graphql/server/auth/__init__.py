"""Who sends a request: what a token has to be, and the keys that it is checked with."""
