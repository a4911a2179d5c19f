"""What a stack will need before it is deployed: AWS quotas and the monthly bill."""
