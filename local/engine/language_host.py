"""The Python language host of the engine: `pulumi-language-python [flags] ENGINE_ADDRESS`.

The engine starts it, reads one line from its output (the port) and asks it over gRPC to run the program. It stands in for the
vendor's host where that is missing. It is built on the SDK's own language server (`pulumi.automation._server`), a private
module: the SDK is pinned, and a test runs a program through the real engine.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from concurrent import futures
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.automation import _server  # pyright: ignore[reportPrivateUsage] - see the docstring
from pulumi.errors import RunError
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from local.settings import ENGINE_VERSION

_WORKERS = 8
_ORPHAN_CHECK_SECONDS = 1.0


class LanguageHost(_server.LanguageServer):
    """Runs one program per request in this process, with the engine's address that the SDK's server does not pass on."""

    def __init__(self, engine_address: str) -> None:
        super().__init__(lambda: None)
        self._engine_address = engine_address

    # The names of these methods are the protocol's.
    def Handshake(self, request: Any, context: Any) -> language_pb2.LanguageHandshakeResponse:  # noqa: ARG002, N802
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: Any) -> plugin_pb2.PluginInfo:  # noqa: ARG002, N802
        return plugin_pb2.PluginInfo(version=ENGINE_VERSION)

    def Cancel(self, request: empty_pb2.Empty, context: Any) -> empty_pb2.Empty:  # noqa: ARG002, N802
        return empty_pb2.Empty()

    def Run(self, request: language_pb2.RunRequest, context: Any) -> language_pb2.RunResponse:  # noqa: N802
        directory = Path(request.info.program_directory or request.pwd)
        entry = directory / (request.info.entry_point or ".")
        # The SDK's server takes the engine's address from the program's arguments, where `pulumi up` puts nothing.
        request.args[:] = [self._engine_address]
        self.program = program(directory, entry)
        response = super().Run(request, context)
        # The SDK's server has logged the error already; `bail` ends the run without printing it a second time.
        return language_pb2.RunResponse(bail=True) if response.error else response


def program(directory: Path, entry: Path) -> Callable[[], None]:
    """A function that runs the program at `entry` (a file, or a folder with `__main__.py`) as the vendor's host does.

    Its failures become `RunError`: a message without the frames of the host and the SDK's server.
    """

    def run() -> None:
        os.chdir(directory)
        try:
            runpy.run_path(str(entry), run_name="__main__")
        except RunError:
            raise
        except SystemExit as exit_request:
            if exit_request.code:
                raise RunError(f"the program exited with {exit_request.code!r}") from exit_request
        except Exception as error:
            raise RunError(f"the program failed:\n{describe(error, directory)}") from error

    return run


def describe(error: BaseException, directory: Path) -> str:
    """The traceback from the program's first own frame on."""
    frame: TracebackType | None = error.__traceback__
    while frame is not None and not Path(frame.tb_frame.f_code.co_filename).is_relative_to(directory):
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(error), error, frame or error.__traceback__)).rstrip()


def serve(engine_address: str) -> tuple[grpc.Server, int]:
    """Start serving on a free loopback port."""
    options: Sequence[tuple[str, Any]] = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
    server = grpc.server(futures.ThreadPoolExecutor(_WORKERS), options=options)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(engine_address), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[-1].startswith("-"):
        print("usage: pulumi-language-python [flags] ENGINE_ADDRESS (started by the pulumi command)", file=sys.stderr)
        return 2
    # The engine runs its plugins in process groups of their own, where Ctrl-C does not reach them. SIGINT is how it asks one to
    # end; it waits five seconds for the answer.
    signal.signal(signal.SIGINT, lambda _signal, _frame: os._exit(0))
    engine = os.getppid()
    server, port = serve(arguments[-1])
    print(port, flush=True)
    # An engine that was killed cannot stop its plugins: this one must not outlive it.
    while server.wait_for_termination(timeout=_ORPHAN_CHECK_SECONDS) and os.getppid() == engine:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
