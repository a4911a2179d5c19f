"""The control plane over HTTP: who may ask is decided first, what is asked happens once, and every answer has a model (K29)."""
