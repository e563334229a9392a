"""A server on this machine that answers as broken ones do."""
import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Dict, Iterator, List


class UnreliableServer(ThreadingHTTPServer):
    """Serves a folder; some names have faults.

    ``/file/NAME`` sends a file and ``/undeclared/NAME`` does without telling
    its length; ``/cut/NAME`` breaks off half-way, ``/stall/NAME`` falls silent
    there; ``/silent/NAME`` never answers; ``/page/NAME`` sends a web page;
    anything else is 404.

    Attributes:
        asked (list[str]): Paths of the requests.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(('127.0.0.1', 0), _Handler)
        self.folder = folder
        self.asked: List[str] = []
        self.ended = threading.Event()

    def url(self, path: str) -> str:
        """The address of a path."""
        return f'http://127.0.0.1:{self.server_address[1]}/{path}'


class _Handler(BaseHTTPRequestHandler):
    server: UnreliableServer

    def log_message(self, *args) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        _, fault, name = self.path.partition('?')[0].split('/', 2)
        file = self.server.folder / name
        if fault == 'silent':
            self.server.ended.wait(60)
        elif fault == 'page':
            self._send(b'<!DOCTYPE html><title>Sign in</title>', {})
        elif fault == 'undeclared':
            self._send(file.read_bytes(), {})
        elif fault in ('file', 'cut', 'stall') and file.is_file():
            data = file.read_bytes()
            length = {'Content-Length': str(len(data))}
            self._send(data if fault == 'file' else data[:len(data) // 2],
                       length)
            if fault == 'stall':
                self.server.ended.wait(60)
        else:
            self.send_error(404)

    def _send(self, data: bytes, headers: Dict[str, str]) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[UnreliableServer]:
    """Run a server."""
    with UnreliableServer(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01, ))
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def accepting() -> Iterator[str]:
    """A port that takes connections and says nothing; yields its address."""
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        yield f'http://127.0.0.1:{listener.getsockname()[1]}'


def closed() -> str:
    """The address of a port where nobody listens."""
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return f'http://127.0.0.1:{listener.getsockname()[1]}'
