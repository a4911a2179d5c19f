"""AWS on a laptop: a Pulumi resource provider that answers for `aws` against a loopback endpoint only."""
