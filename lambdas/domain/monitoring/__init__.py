"""Watching runs: the four monitoring views, and the incidents that run logs tell of."""
