"""Performance without labels: what the scores themselves, or a model of the loss, say of it."""
