"""Reports that people subscribed to (K24): what they cover, what they say, when they are made and who is told."""
