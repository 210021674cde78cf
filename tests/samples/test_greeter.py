"""The sample server: it outlives its clients' bad manners, and says nothing of them."""

from __future__ import annotations

import importlib.util
import socket
import struct
import threading
from pathlib import Path
from typing import Any

import pytest

SERVER = Path(__file__).parent.parent.parent / "samples/greeter/server.py"


@pytest.fixture
def greeter() -> Any:
    """Return the server's module, which is no package of ours."""
    spec = importlib.util.spec_from_file_location("greeter", SERVER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def serve(module: Any, *pieces: bytes, is_polite: bool) -> None:
    """Serve one client, who says so much and hangs up or breaks off, until the server has done with it."""
    server = module.Server(("127.0.0.1", 0), module.Handler)
    server.daemon_threads = False  # so that closing waits for the client's thread
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with socket.create_connection(server.server_address) as client:
        client.settimeout(10)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", not is_polite, 0))
        for piece in pieces:
            client.sendall(piece)
        # The answer to the first request: from now on the server waits for the second.
        with client.makefile("rb") as answer:
            assert answer.readline().startswith(b"HTTP/1.1 405")
            while answer.readline().strip():
                pass
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("rest", [b"", b"POST /mcp HTTP/1.1\r\n", b"POST /mcp HTTP/1.1\r\nContent-Length: 99\r\n\r\n{"])  # fmt: skip
def test_a_client_that_goes_away_is_no_error_of_the_server_s(
    greeter: Any, capsys: pytest.CaptureFixture[str], rest: bytes
) -> None:
    """No traceback in its log, where a person looks for the server's own faults."""
    serve(greeter, b"GET /mcp HTTP/1.1\r\n\r\n", rest, is_polite=False)
    assert "" == capsys.readouterr().err


def test_an_error_of_the_server_s_own_is_told(
    greeter: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its traceback, as always."""
    monkeypatch.setattr(greeter.Handler, "do_POST", lambda _self: 1 // 0)
    serve(greeter, b"GET /mcp HTTP/1.1\r\n\r\n", b"POST /mcp HTTP/1.1\r\n\r\n", is_polite=True)
    assert "ZeroDivisionError" in capsys.readouterr().err
