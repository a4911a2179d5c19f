"""Who may do what, where: Cedar policies, the objects they are about, and the one place that asks them (K18)."""
