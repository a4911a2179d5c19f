"""Being written by the lead right now: see /tmp/brief/lead-to-h5.txt."""
