"""The machinery shared by every resource: schema, checks, diffs, lifecycle and the gRPC surface.

Nothing in here knows an AWS service. `schema` and `resource` are what a service module needs, `context` what its functions receive.
"""
