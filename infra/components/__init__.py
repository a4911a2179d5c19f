"""One ComponentResource per capability, each with one frozen Args."""
