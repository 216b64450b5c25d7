# SPDX-License-Identifier: MIT
"""
Agents of mvm from 0.9 to 0.14 as the probe meets them, written from the protocol's description: one
thread, strict about fields, closing the connection over what they do not know. The "guest" is a
directory of this machine.

Upstream(dialect, root)     dialect "A": port 52; "B": port 5252; "C": port 5252, after a hello
"""
import asyncio
import json
import os
import secrets
import stat
import struct
import time

FRAME_MAX = 262144
PORTS = {"A": 52, "B": 5252, "C": 5252}
# The fields of each request: required, then those that may be absent.
FS = {
    "FsRead": (("path", "length"), ("offset", "follow_symlinks")),
    "FsWrite": (("path", "content", "mode"), ("create_parents", "follow_symlinks")),
    "FsList": (("path",), ("follow_symlinks",)),
    "FsStat": (("path",), ("follow_symlinks",)),
    "FsMkdir": (("path", "mode"), ("parents",)),
    "FsRemove": (("path",), ("recursive", "follow_symlinks")),
    "FsMove": (("from", "to"), ("follow_symlinks",)),
}
PROC = {
    "ProcStart": (("argv",), ("env", "cwd", "stdin", "timeout_secs")),
    "ProcSendInput": (("pid_token", "bytes"), ()),
    "ProcSignal": (("pid_token", "signum"), ()),
    "ProcWait": (("pid_token",), ("timeout_secs",)),
}
OLD = {
    "Ping": ((), ()),
    "FsDiff": ((), ()),
    "Exec": (("command",), ("stdin", "timeout_secs")),
    "StartPortForward": (("guest_port",), ()),
    "ConsoleOpen": (("cols", "rows"), ()),
}
HELLO = {"ProtocolHello": (("host_protocol_version", "min_supported_version", "host_version",
                            "requested_capabilities"), ())}
KNOWN = {"A": OLD, "B": {**OLD, **FS, **PROC}, "C": {**OLD, **FS, **PROC, **HELLO}}


class Unknown(Exception):
    """What the agent's decoder refuses: the connection closes without a word."""


class FsError(Exception):
    pass


class Upstream:
    def __init__(self, dialect, root):
        self.dialect, self.root = dialect, root
        self.requests = []              # names, in order
        self.processes = {}
        self.lock = asyncio.Lock()      # it has one thread

    # ---- the wire

    def decode(self, body):
        value = json.loads(body)
        name, fields = (value, {}) if isinstance(value, str) else next(iter(value.items()))
        self.requests.append(name)
        if name not in KNOWN[self.dialect]:
            raise Unknown(name)
        required, optional = KNOWN[self.dialect][name]
        known = set(required) | set(optional)
        if self.dialect != "A" and set(fields) - known or set(required) - set(fields):
            raise Unknown(name)
        return name, fields

    @staticmethod
    async def send(writer, answer):
        body = json.dumps(answer, separators=(",", ":")).encode()
        assert len(body) <= FRAME_MAX
        writer.write(struct.pack(">I", len(body)) + body)
        await writer.drain()

    async def serve(self, reader, writer):
        try:
            line = await reader.readline()
            if line != b"CONNECT %d\n" % PORTS[self.dialect]:
                return
            writer.write(b"OK 1073741824\n")
            async with self.lock:
                await self.talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, Unknown):
            pass
        finally:
            writer.close()

    async def talk(self, reader, writer):
        greeted = self.dialect != "C"
        while True:
            size, = struct.unpack(">I", await reader.readexactly(4))
            if size > FRAME_MAX:
                return
            name, fields = self.decode(await reader.readexactly(size))
            if name == "ProtocolHello":
                greeted = True
                await self.send(writer, {"ProtocolHelloAck": {
                    "agent_protocol_version": 1, "min_supported_version": 1,
                    "agent_version": "0.14.0",
                    "capabilities": fields["requested_capabilities"]}})
                continue
            if not greeted:
                await self.send(writer, {"ProtocolMismatch": {
                    "host_protocol_version": 0, "agent_protocol_version": 1,
                    "required_action": "upgrade_host", "message": "hello first"}})
                return
            if name == "ProcWait":
                await self.wait(writer, fields)
            else:
                await self.send(writer, await self.answer(name, fields))
            return

    async def answer(self, name, fields):
        if name in FS:
            try:
                return {"FsResult": getattr(self, name.lower())(fields)}
            except FsError as error:
                return {"FsResult": {"Error": {"kind": str(error), "message": str(error)}}}
        if name in PROC:
            return {"ProcResult": await getattr(self, name.lower())(fields)}
        if name == "Exec":
            process = await asyncio.create_subprocess_shell(
                fields["command"], stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE)
            out, err = await process.communicate((fields.get("stdin") or "").encode())
            return {"ExecResult": {"exit_code": process.returncode, "stdout": out.decode(),
                                   "stderr": err.decode()}}
        return {"FsDiff": {"FsDiffResult": {"changes": [
                    {"path": "/a", "kind": "created", "size": 3},
                    {"path": "/b", "kind": "modified", "size": 4},
                    {"path": "/c", "kind": "deleted", "size": 0}]}},
                "StartPortForward": {"PortForwardStarted": {
                    "guest_port": fields.get("guest_port"),
                    "vsock_port": 10000 + fields.get("guest_port", 0)}},
                "Ping": "Pong"}.get(name, {"Error": {"message": name}})

    # ---- files: not atomic, and links are followed, as theirs are

    def at(self, path):
        return os.path.join(self.root, path.lstrip("/"))

    def lookup(self, path):
        if not os.path.exists(self.at(path)):
            raise FsError("NotFound")
        return self.at(path)

    @staticmethod
    def kind(path):
        mode = os.stat(path).st_mode
        return "file" if stat.S_ISREG(mode) else "dir" if stat.S_ISDIR(mode) else "other"

    def fsread(self, fields):
        with open(self.lookup(fields["path"]), "rb") as f:
            f.seek(fields.get("offset") or 0)
            content = f.read(fields["length"])
            return {"Read": {"content": list(content), "total_size": os.fstat(f.fileno()).st_size}}

    def fswrite(self, fields):
        with open(self.at(fields["path"]), "wb") as f:
            f.write(bytes(fields["content"]))
        return {"Write": {"bytes_written": len(fields["content"])}}

    def fslist(self, fields):
        path = self.lookup(fields["path"])
        names = os.listdir(path)
        return {"List": {"entries": [
            {"name": n, "kind": self.kind(os.path.join(path, n)),
             "size": os.path.getsize(os.path.join(path, n))} for n in names], "truncated": False}}

    def fsstat(self, fields):
        s = os.stat(self.lookup(fields["path"]))
        return {"Stat": {"canonical_path": fields["path"], "kind": self.kind(self.at(fields["path"])),
                         "size": s.st_size, "mode": s.st_mode,
                         "mtime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(s.st_mtime))}}

    def fsmkdir(self, fields):
        os.makedirs(self.at(fields["path"]), exist_ok=fields.get("parents", False))
        return "Mkdir"

    def fsremove(self, fields):
        os.unlink(self.lookup(fields["path"]))
        return {"Remove": {"entries_removed": 1}}

    def fsmove(self, fields):
        os.rename(self.lookup(fields["from"]), self.at(fields["to"]))
        return "Move"

    # ---- processes: an input cannot be closed, and a wait takes the thread

    async def procstart(self, fields):
        # Its paths are the directory's.
        argv = [self.at(a) if a.startswith("/tmp/") else a for a in fields["argv"]]
        token = "ptok-" + secrets.token_hex(16)
        process = await asyncio.create_subprocess_exec(
            *argv, env=fields.get("env") or {}, cwd=fields.get("cwd"),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE)
        self.processes[token] = process
        return {"Started": {"pid_token": token}}

    async def procsendinput(self, fields):
        process = self.processes[fields["pid_token"]]
        process.stdin.write(bytes(fields["bytes"]))
        await process.stdin.drain()
        return {"InputAccepted": {"bytes_accepted": len(fields["bytes"])}}

    async def procsignal(self, fields):
        self.processes[fields["pid_token"]].send_signal(fields["signum"])
        return "Signaled"

    async def wait(self, writer, fields):
        process = self.processes[fields["pid_token"]]
        # communicate() would close the input, which this agent cannot.
        out, err = await asyncio.gather(process.stdout.read(), process.stderr.read())
        await process.wait()
        for name, chunk in (("Stdout", out), ("Stderr", err)):
            if chunk:
                await self.send(writer, {"ProcWaitEvent": {name: {"chunk": list(chunk)}}})
        await self.send(writer, {"ProcWaitEvent": {"Exit": {"code": process.returncode}}})
