"""A connection that can be cut: what is asked of it goes to a server, or nowhere."""

import contextlib
import socket
import threading


class CutConnection:
    """Listens on a free port of loopback and passes everything on to another one, until cut.

    Args:
        port: Where the server listens.
    """

    def __init__(self, port: int) -> None:
        self._server = port
        self._open: list[socket.socket] = []
        self._moving = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._moving.set()
        self._listen()

    def cut(self) -> None:
        """Closes what is open, and refuses what comes."""
        for one in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def freeze(self) -> None:
        """Takes what comes and answers nothing, as a server does that hangs."""
        self._moving.clear()

    def restore(self) -> None:
        """Listens again, on the same port, and passes on what has waited."""
        self._moving.set()
        if self._listener.fileno() < 0:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._listen()

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._server))
                self._open += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self._moving.wait()
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
