#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Consoles and forwarded ports of a real guest, as hosts of three generations use them: what a
terminal must do, how a session ends, and who cannot reach it.
"""
import concurrent.futures
import http.client
import json
import re
import socket
import time

import cases
import mvm_client
import mvm_later
import mvm_types
from rig import build, images
from rig.tap import TestCase, main

PATIENCE_S = 120
SHELL_USER_POLICY = {"profile": "dev", "access": {"forward_ports": [8080, 8081, 9000, 9999]}}
HELLO = {"ProtocolHello": {"host_protocol_version": 1, "min_supported_version": 1,
                           "host_version": "0.14.0", "requested_capabilities": ["console"]}}


def ask(machine, name, body, port=5252, dialect="C"):
    """(name, value) of the answer, decoded as this dialect's host does."""
    with mvm_client.dial(machine.vsock_path, port=port, timeout=PATIENCE_S) as s:
        if dialect == "C":
            mvm_client.send(s, json.dumps(HELLO).encode())
            assert mvm_types.decode(mvm_client.receive(s), mvm_later.HEAD)[0] == "ProtocolHelloAck"
        mvm_client.send(s, json.dumps({name: body}).encode())
        return mvm_types.decode(mvm_client.receive(s), mvm_later.DIALECTS[dialect])


class Session:
    """A console's data connection; what has come is in .text."""

    def __init__(self, machine, cols=80, rows=24, port=5252, dialect="C", data_port=None):
        self.machine, self.text = machine, ""
        name, value = ask(machine, "ConsoleOpen", {"cols": cols, "rows": rows}, port, dialect)
        assert name == "ConsoleOpened", value
        self.id, self.port = value["session_id"], value["data_port"]
        self.socket = None
        if data_port != "none":
            self.connect(data_port or self.port)

    def connect(self, port):
        self.socket = mvm_client.dial(self.machine.vsock_path, port=port, timeout=PATIENCE_S)
        return self

    def type(self, text):
        self.socket.sendall(text.encode())
        return self

    def expect(self, regex):
        """Waits until what has come since the last call matches; returns the match."""
        while True:
            match = re.search(regex, self.text, re.M)
            if match:
                self.text = self.text[match.end():]
                return match
            part = self.socket.recv(65536)
            if not part:
                raise AssertionError("the session ended before %r: %r" % (regex, self.text))
            self.text += part.decode(errors="replace")

    def read_to_end(self):
        while True:
            part = self.socket.recv(65536)
            if not part:
                return self.text
            self.text += part.decode(errors="replace")

    def close(self):
        self.socket.close()


def prepare(guest):
    guest.busybox("sh", "stty", "head", "sleep", "cat", "id", "tty", "setsid", "wc", "httpd", "nc", "cut",
                  "grep", "ls")
    guest.drive("mvm-config", tree=images.Tree().file(
        "/security-policy.json", json.dumps(SHELL_USER_POLICY), mode=0o444), readonly=True)


class Consoles(cases.SharedBoot):
    root = "squashfs"

    @classmethod
    def prepare(cls, guest):
        prepare(guest)
        guest.tree.file("/srv/page", "x" * 5000)
        guest.tree.copy(build.program("serve"), "/bin/serve")
        guest.service("web", "/bin/serve 8080")
        guest.service("web6", "/bin/httpd -f -p [::1]:8081 -h /srv")
        guest.service("count", "/bin/nc -ll -p 9000 -e /bin/wc -c")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("mvm-guest-agent: listening .*", PATIENCE_S)

    def open(self, **options):
        s = Session(self.machine, **options)
        self.addCleanup(lambda: s.socket is not None and s.close())
        return s

    def sleeps(self, s):
        """How many processes "sleep 7777" there are."""
        s.type("grep -l 777[7] /proc/[0-9]*/cmdline | wc -l; echo =\n")
        return int(s.expect(r"^(\d+)\r\n=")[1])

    def test_a_terminal_of_the_service_groups_user(self):
        s = self.open(cols=93, rows=41)
        s.type("stty size; id -u; tty; echo $TERM $HOME; ls -ln $(tty)\n")
        s.expect(r"^41 93\r\n900\r\n/dev/pts/\d+\r\nxterm-256color /\r\ncrw--w----.* 900 ")
        self.assertEqual(ask(self.machine, "ConsoleResize",
                             {"session_id": s.id, "cols": 120, "rows": 50}),
                         ("ConsoleResized", {"session_id": s.id}))
        s.type("stty size\n").expect(r"^50 120\r")
        s.type("sh -c 'trap \"stty size; exit\" WINCH; echo armed; while :; do sleep 0.1; done'\n")
        s.expect("^armed")
        ask(self.machine, "ConsoleResize", {"session_id": s.id, "cols": 77, "rows": 33})
        s.expect(r"^33 77\r")
        s.type("sleep 7777 &\n").type("jobs\n").expect(r"\[1\]\+? +Running +sleep 7777")
        s.type("exit 7\n")
        s.read_to_end()
        self.assertEqual(ask(self.machine, "ConsoleClose", {"session_id": s.id}),
                         ("ConsoleExited", {"session_id": s.id, "exit_code": 7}))
        self.assertEqual(self.sleeps(self.open()), 0)

    def test_closing_the_connection_leaves_no_process(self):
        watcher = self.open()
        s = self.open()
        s.type("sleep 7777 & setsid sleep 7777 &\n"
               "trap '' HUP; echo started; sleep 7777\n").expect("^started")
        while self.sleeps(watcher) != 3:
            pass
        s.close()
        deadline = time.monotonic() + PATIENCE_S
        while self.sleeps(watcher) != 0:
            self.assertLess(time.monotonic(), deadline)
        watcher.type("ls -d $(grep -l . /dev/null) /sys/fs/cgroup/*/mvm-guest-agent/console-%d\n" %
                     s.id).expect("No such file")

    def test_end_of_input_is_a_terminals(self):
        s = self.open()
        # The shell's own line editor is in the terminal's way until the command runs.
        s.type("echo started; cat; exit 3\n").expect("^started")
        s.type("hello\n").expect("hello\r\nhello")
        s.type("\4")
        s.read_to_end()
        self.assertEqual(ask(self.machine, "ConsoleClose", {"session_id": s.id})[1]["exit_code"], 3)
        s = self.open()
        s.type("echo ready\n").expect("^ready")
        s.socket.shutdown(socket.SHUT_WR)
        s.read_to_end()

    def test_end_of_input_that_was_read_as_a_character(self):
        s = self.open()
        s.type("stty -icanon -echo; echo ready; head -c 1 >/dev/null; stty icanon; cat; exit 5\n")
        s.expect("^ready")
        s.socket.shutdown(socket.SHUT_WR)
        s.read_to_end()
        self.assertEqual(ask(self.machine, "ConsoleClose", {"session_id": s.id})[1]["exit_code"], 5)

    def test_a_signal_is_an_exit_code_and_close_hangs_up(self):
        s = self.open()
        s.type("kill -KILL $$\n")
        s.read_to_end()
        self.assertEqual(ask(self.machine, "ConsoleClose", {"session_id": s.id})[1]["exit_code"],
                         137)
        s = self.open()
        s.type("echo ready\n").expect("^ready")
        self.assertEqual(ask(self.machine, "ConsoleClose", {"session_id": s.id})[1]["exit_code"],
                         129)
        s.read_to_end()

    def test_old_hosts_connect_to_port_52(self):
        s = self.open(port=52, dialect="A", data_port=52)
        s.type("echo by-52\n").expect("^by-52")
        silent = self.open(port=52, dialect="A", data_port=52)
        silent.expect(r"\$ ")
        self.assertEqual(ask(self.machine, "ConsoleResize",
                             {"session_id": s.id, "cols": 1, "rows": 1}, 52, "A")[0],
                         "ConsoleResized")

    def test_nobody_inside_reaches_a_session_or_takes_a_port(self):
        waiting = self.open(data_port="none")
        s = self.open()
        s.type("facts vsock-connect 1 %d hello + vsock-connect 3 %d hello + vsock-pong 52 + "
               "vsock-pong 5252 + vsock-pong %d + echo over\n" % ((waiting.port,) * 3))
        said = s.expect(r"(?s)vsock-connect: (.*)^.*over")[0]
        self.assertIn("52 EACCES", said)
        self.assertIn("5252 EADDRINUSE", said)
        self.assertIn("%d EADDRINUSE" % waiting.port, said)
        for read in re.findall(r"vsock-read: (.*)\r", said):
            self.assertIn(read, (" Socket not connected", " end"))
        waiting.connect(waiting.port)
        waiting.type("echo mine\n").expect("^mine")

    def test_many_sessions_are_bounded(self):
        name, value = "ConsoleOpened", None
        opened = []
        while name == "ConsoleOpened" and len(opened) < 20:
            name, value = ask(self.machine, "ConsoleOpen", {"cols": 80, "rows": 24})
            if name == "ConsoleOpened":
                opened.append(value["session_id"])
        self.assertEqual((name, value["message"]),
                         ("Error", "console open failed: too many sessions are open"))
        for number in opened:
            ask(self.machine, "ConsoleClose", {"session_id": number})
        self.assertEqual(ask(self.machine, "ConsoleResize",
                             {"session_id": 99999, "cols": 1, "rows": 1})[1]["message"],
                         "no active console session to resize")

    # Forwarded ports

    def forward(self, port):
        self.assertEqual(ask(self.machine, "StartPortForward", {"guest_port": port}),
                         ("PortForwardStarted", {"guest_port": port, "vsock_port": 10000 + port}))
        return 10000 + port

    def fetch(self, port):
        connection = http.client.HTTPConnection("guest", timeout=PATIENCE_S)
        connection.sock = mvm_client.dial(self.machine.vsock_path, port=port, timeout=PATIENCE_S)
        connection.request("GET", "/page")
        body = connection.getresponse().read()
        connection.close()
        return body

    def test_200_requests_at_once(self):
        port = self.forward(8080)
        self.assertEqual(self.forward(8080), port, "again is the same")
        with concurrent.futures.ThreadPoolExecutor(200) as pool:
            bodies = list(pool.map(lambda _: self.fetch(port), range(200)))
        self.assertEqual(set(bodies), {b"x" * 5000})

    def test_the_loopback_of_ipv6(self):
        port, body = self.forward(8081), None
        while body is None:
            try:
                body = self.fetch(port)
            except http.client.RemoteDisconnected:
                pass    # not listening yet
        self.assertEqual(body, b"x" * 5000)

    def test_half_a_close_is_passed_on_both_ways(self):
        port = self.forward(9000)
        counted = b""
        while not counted:      # until it listens
            with mvm_client.dial(self.machine.vsock_path, port=port, timeout=PATIENCE_S) as s:
                try:
                    s.sendall(b"y" * 300000)
                    s.shutdown(socket.SHUT_WR)
                    counted = s.makefile("rb").read()
                except (BrokenPipeError, ConnectionResetError):
                    pass
        self.assertEqual(counted, b"300000\n")

    def test_where_nobody_listens(self):
        port = self.forward(9999)
        with mvm_client.dial(self.machine.vsock_path, port=port, timeout=PATIENCE_S) as s:
            try:
                self.assertEqual(s.recv(1), b"")
            except ConnectionResetError:
                pass
        name, value = ask(self.machine, "StartPortForward", {"guest_port": 22})
        self.assertEqual((name, value["message"]),
                         ("Error", "port forward failed: port 22 is not in access.forward_ports of "
                          "the policy"))


class Interrupt(TestCase):
    """
    In virtual time, which a busy command keeps from leaping; with Firecracker's way of closing.
    """

    def test_ctrl_c_ends_a_sleep_at_once_and_a_hang_up_all(self):
        from rig.guest import Guest
        guest = Guest("squashfs")
        self.addCleanup(guest.close)
        prepare(guest)
        machine = self.start(guest.machine(virtual_time=True, instruction_ns=1, apic_timer=False,
                                           quirks=True))
        machine.console.wait_line("mvm-guest-agent: listening .*", PATIENCE_S)
        busy = mvm_client.dial(machine.vsock_path, timeout=PATIENCE_S)
        self.addCleanup(busy.close)
        mvm_client.send(busy, json.dumps({"Exec": {
            "command": "while :; do :; done", "timeout_secs": 80000}}).encode())
        s = Session(machine)
        # The terminal is handed over by "go": a Ctrl-C that comes before may meet no one.
        s.type("cut -d. -f1-2 /proc/uptime; sh -c 'echo go; exec sleep 7777'; "
               "cut -d. -f1-2 /proc/uptime\n")
        before = float(s.expect(r"^([0-9.]+) ")[1])
        s.expect(r"^go\s")
        s.type("\3")
        s.expect(r"\^C\s+.*\$ ")
        s.type("cut -d. -f1-2 /proc/uptime\n")
        after = float(s.expect(r"^([0-9.]+) ")[1])
        self.assertLess(after - before, 1)
        s.type("exit 5\n")
        s.read_to_end()
        self.assertEqual(ask(machine, "ConsoleClose", {"session_id": s.id})[1]["exit_code"], 5)


if __name__ == "__main__":
    main()
