"""Documents that clients name instead of sending them: those of the operator's manifests, and those that clients sent before."""
