"""`python -m local.provider`: print a port, serve the engine."""

from local.provider.framework.server import Provider, run
from local.provider.registry import INVOKES, resources

if __name__ == "__main__":
    run(Provider(resources(), INVOKES))
