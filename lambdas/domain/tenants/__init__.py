"""What a tenant may decide about itself: settings, connections, where alerts and reports go (K24, K26)."""
