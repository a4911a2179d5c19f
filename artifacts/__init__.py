"""The artifact set: every file generated from the dictionary, its manifest, and what a change does to it."""
