# SPDX-License-Identifier: MIT
"""
A fake of Firecracker's API, and no more than that: HTTP over a Unix socket, as its OpenAPI file
describes PATCH /vm, PUT /snapshot/create and PUT /snapshot/load. It has the machine's states and
refuses what Firecracker refuses in them; of a snapshot it writes two files with a few bytes.
"""
import http.server
import json
import os
import socketserver
import threading

STATE, MEMORY = b"state of a fake", b"memory of a fake" * 256


class Firecracker:
    """The API at `path`; `calls` has (method, path, body) of each; a context manager."""

    def __init__(self, path, state="Running"):
        self.path = path
        self.state = state          # "Not started", "Running", "Paused"
        self.calls = []
        self.refuse = {}            # path of the API: the fault's message
        self.silent = set()         # paths of the API that are never answered
        self.released = threading.Event()
        self.loaded = lambda: None  # called when a snapshot has been loaded
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_call(self):
                size = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(size))
                fake.calls.append((self.command, self.path, body))
                if self.path in fake.silent:
                    fake.released.wait()
                    return
                fault = fake.refuse.get(self.path) or fake.act(self.command, self.path, body)
                text = json.dumps({"fault_message": fault}).encode() if fault else b""
                self.send_response(400 if fault else 204)
                if fault:
                    self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                if text:
                    self.wfile.write(text)

            do_PUT = do_PATCH = handle_call

            def address_string(self):
                return "unix"

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self.server = Server(path, Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        os.unlink(self.path)

    def act(self, method, path, body):
        """Do what the call asks for; returns the message of a fault, or None."""
        if (method, path) == ("PATCH", "/vm"):
            if self.state == "Not started" or set(body) != {"state"}:
                return "The requested operation is not supported before starting the microVM."
            self.state = {"Paused": "Paused", "Resumed": "Running"}[body["state"]]
        elif (method, path) == ("PUT", "/snapshot/create"):
            if self.state != "Paused" or body["snapshot_type"] != "Full":
                return "Create snapshot error: the microVM is not paused"
            for key, data in (("snapshot_path", STATE), ("mem_file_path", MEMORY)):
                with open(body[key], "wb") as f:
                    f.write(data)
        elif (method, path) == ("PUT", "/snapshot/load"):
            if self.state != "Not started":
                return "Load snapshot error: not supported after starting the microVM."
            assert body["mem_backend"]["backend_type"] == "File"
            for name, data in ((body["snapshot_path"], STATE),
                               (body["mem_backend"]["backend_path"], MEMORY)):
                with open(name, "rb") as f:
                    assert f.read() == data
            self.state = "Running" if body["resume_vm"] else "Paused"
            self.loaded()
        else:
            return "Invalid request method and/or path"
        return None
