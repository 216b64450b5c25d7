# SPDX-License-Identifier: MIT
"""
Fake guests: many hybrid sockets in one process that answer as VMM and agent do.
What each answers is plain data, so a test says only what differs from a healthy guest.
"""
import asyncio
import contextlib
import copy
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "vm"))
PROBE = os.environ.get("MVM_PROBE", os.path.join(ROOT, "build", "release", "mvm-probe"))
SECONDS = 120       # nothing takes as long; a test that waits for it has failed


def service(name, state="running", **more):
    return {"name": name, "state": state, "reason": None, "pid": 101, "uid": 900, "gid": 900,
            "state_ms": 61000, "restarts": 0, "failures": 0, "next_start_ms": None,
            "exit_code": None, "built_in": False, "memory_bytes": 1 << 20, "cpu_us": 1500000,
            "tasks": 2, "oom_kills": 0, **more}


def integration(name, healthy=True, detail="ok", **more):
    health = {"healthy": healthy, "detail": detail, "checked_at": "2026-03-21T10:15:00Z"}
    return {"name": name, "status": "active", "last_checkpoint_at": None, "state_size_bytes": 0,
            "health": health, **more}


HEALTHY = {
    "Ping": "Pong",
    "WorkerStatus": {"WorkerStatus": {"status": "idle", "last_busy_at": None}},
    "IntegrationStatus": {"IntegrationStatusReport": {"integrations": [integration("web")]}},
    "ProbeStatus": {"ProbeStatusReport": {"probes": []}},
    "Hello": {"Hello": {"protocol": 1, "agent": "0.1.0", "init": "0.1.0",
                        "requests": ["Ping", "Metrics"]}},
    "Services": {"Services": {"services": [
        service("web"), service("mvm-guest-agent", built_in=True)]}},
    "Metrics": {"Metrics": {
        "guest": {"uptime_ms": 61005, "processors": 2, "tasks": 9, "cpu_us": 1500000,
                  "memory_bytes": 1 << 27, "memory_available_bytes": 1 << 26},
        "agent": {"version": "0.1.0", "memory_bytes": 400000, "connections": 1, "requests": 12,
                  "commands": 0, "commands_cpu_us": 7},
        "integrations": {"total": 1, "checked": 1, "healthy": 1},
        "probes": {"total": 0, "checked": 0, "healthy": 0},
        "services": [service("web"), service("mvm-guest-agent", built_in=True)]}},
    "BootTimeline": {"BootTimeline": {"stages": [
        {"name": "kernel", "start_us": 0, "duration_us": 90000, "success": True, "detail": None},
        {"name": "mounts", "start_us": 90000, "duration_us": 4000, "success": True,
         "detail": None}], "all_healthy_us": 812000}},
    "Events": {"Events": {"events": [], "position": 1, "lost": 0}},
    "Logs": {"Logs": {"text": "one\ntwo\nthree\n", "position": 14, "cut": False}},
    "SleepPrep": {"SleepPrepAck": {"success": True, "detail": None}},
    "Wake": {"WakeAck": {"success": True, "detail": None}},
    "PostRestore": {"PostRestoreAck": {"success": True, "detail": None}},
}


class Guest:
    """One fake: `answers` by a request's name, a value or a function of its fields; None: none."""

    def __init__(self, path):
        self.path = path
        self.answers = copy.deepcopy(HEALTHY)
        self.requests = []
        self.open = self.open_max = 0

    def answer(self, request):
        name, fields = (request, {}) if isinstance(request, str) else next(iter(request.items()))
        self.requests.append(name)
        answer = self.answers.get(name)
        return answer(fields) if callable(answer) else answer

    async def serve(self, reader, writer):
        self.open += 1
        self.open_max = max(self.open_max, self.open)
        try:
            line = await reader.readline()
            if not line.startswith(b"CONNECT "):
                return
            writer.write(b"OK 1073741824\n")
            size, = struct.unpack(">I", await reader.readexactly(4))
            answer = self.answer(json.loads(await reader.readexactly(size)))
            if answer is None:
                await reader.read()      # until the client gives up
                return
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            writer.write(struct.pack(">I", len(body)) + body)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


class Fleet:
    """Fake guests at DIRECTORY/NAME/v.sock, in a thread; a context manager."""

    def __init__(self, names, socket="v.sock"):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        self.temporary = tempfile.TemporaryDirectory(prefix="mvm-fakes-")
        self.directory = self.temporary.name
        self.guests = {}
        self.servers = {}
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.socket = socket
        self.names = names

    def __enter__(self):
        self.thread.start()
        for name in self.names:
            self.start(name)
        return self

    def __exit__(self, *_):
        for name in list(self.servers):
            self.stop(name)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.temporary.cleanup()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(SECONDS)

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, name):
        path = os.path.join(self.path(name), self.socket)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        guest = self.guests[name] = Guest(path)
        self.servers[name] = self.run(asyncio.start_unix_server(guest.serve, path, backlog=256))

    def stop(self, name):
        server = self.servers.pop(name)

        async def close():
            server.close()

        self.run(close())
        # Python 3.13 removes the socket itself.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.guests.pop(name).path)


def probe(*arguments, status=0, **options):
    """Run mvm-probe and expect this exit status."""
    done = subprocess.run([PROBE, *arguments], capture_output=True, text=True, check=False,
                          timeout=SECONDS, stdin=options.pop("stdin", subprocess.DEVNULL)
                          if "input" not in options else None, **options)
    if status is not None and done.returncode != status:
        raise AssertionError("mvm-probe %s: exit status %d, expected %d\n%s%s" % (
            " ".join(arguments), done.returncode, status, done.stdout, done.stderr))
    return done
