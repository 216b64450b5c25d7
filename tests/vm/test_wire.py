#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Every request of the protocol over the real vsock path, in every way that it may come: good, bad,
too long, cut, byte by byte, many at once. An independent client decodes the answers.
"""
import json
import os
import socket
import struct
import time

import cases
import mvm_client
import mvm_types
import protocol
from rig import images
from rig.tap import TestCase, main
from rig.waiting import readable
from wire_table import ALL_ANSWERS, REQUESTS

PATIENCE_S = 120        # an answer that takes as long has failed to come
PACE_S = 0.1            # between two bytes of a trickle
TRICKLE_MAX = 900       # bytes of one that is too slow: three times what the agent waits for
LONGEST = 262144
SPELLINGS = os.environ.get("WIRE_SPELLINGS", "first and last")


def frame(body):
    data = body.encode() if isinstance(body, str) else body
    return struct.pack(">I", len(data)) + data


class Decoder(TestCase):
    """The client is as strict as a host, or what it lets pass proves nothing."""

    WRONG = (
        b"", b"{}", b"null", b"\"pong\"", b"{\"Pong\":{}}", b"\"Pong\"x", b"\"WorkerStatus\"",
        b"{\"WorkerStatus\":{\"status\":\"idle\",\"status\":\"idle\"}}",
        b"{\"WorkerStatus\":{\"last_busy_at\":null}}", b"{\"WakeAck\":{\"success\":1}}",
        b"{\"WakeAck\":{\"success\":null}}", b"{\"WakeAck\":{\"success\":true},\"Pong\":null}",
        b"{\"ExecResult\":{\"exit_code\":0.0,\"stdout\":\"\",\"stderr\":\"\"}}",
        b"{\"ExecResult\":{\"exit_code\":2147483648,\"stdout\":\"\",\"stderr\":\"\"}}",
        b"{\"ExecResult\":{\"exit_code\":0,\"stdout\":\"\\ud800\",\"stderr\":\"\"}}",
        b"{\"ExecResult\":{\"exit_code\":0,\"stdout\":\"\xff\",\"stderr\":\"\"}}",
        b"{\"ExecResult\":{\"exit_code\":0,\"stdout\":\"\n\",\"stderr\":\"\"}}",
        b"{\"Error\":{\"message\":null}}", b"{\"Later\":null}",
        b"{\"CheckpointResult\":{\"success\":true,\"failed\":null}}",
    )
    INTEGRATION = ("{\"IntegrationStatusReport\":{\"integrations\":[{\"name\":\"a\",\"status\":%s,"
                   "\"state_size_bytes\":%s,\"health\":%s}]}}")
    WRONG_INTEGRATIONS = (
        ("\"resting\"", "0", "null"), ("\"error\"", "0", "null"), ("{\"active\":1}", "0", "null"),
        ("\"active\"", "null", "null"), ("\"active\"", "-1", "null"), ("\"active\"", "-0", "null"),
        ("\"active\"", "18446744073709551616", "null"), ("\"active\"", "0", "{}"),
        ("\"active\"", "0", "{\"healthy\":true,\"detail\":null,"
         "\"checked_at\":\"2026-03-21T10:15:00Z\"}"),
    )

    def test_what_a_host_refuses(self):
        for body in self.WRONG + tuple((self.INTEGRATION % w).encode()
                                       for w in self.WRONG_INTEGRATIONS):
            with self.subTest(body), self.assertRaises(mvm_types.Undecodable):
                mvm_types.decode(body)

    def test_what_it_takes(self):
        for body in ("\"Pong\"", "{\"Pong\":null}", "{\"WorkerStatus\":{\"status\":\"idle\"}}",
                     "{\"WakeAck\":{\"x\":1,\"success\":true,\"x\":{}}}",
                     self.INTEGRATION % ("{\"error\":\"why\"}", "18446744073709551615", "null")):
            mvm_types.decode(body.encode())


class Wire:
    """What every guest is asked."""

    policy = {"access": {"debug_exec": True}}

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "echo", "true", "false", "touch", "rm")
        guest.service("talker", "/bin/facts echo one + echo two + echo three + sleep")
        guest.service("broken", "/bin/absent")
        guest.service("wrong", "/bin/true", user="nobody-knows")
        soon = {"health_interval_secs": 1}
        guest.integration("db", health_cmd="true", checkpoint_cmd="true", restore_cmd="true", **soon)
        guest.integration("mail", health_cmd="false", checkpoint_cmd="echo lock held >&2; false")
        guest.integration("slow", health_cmd="false", startup_grace_secs=3600, **soon)
        guest.integration("plain")
        guest.integration("gate", checkpoint_cmd="[ ! -f /tmp/shut ]", critical=True)
        guest.probe("disk", cmd="echo '{\"pct\": 41, \"free\": [1, null]}'", output_format="json")
        guest.probe("other", cmd="true")
        tree = images.Tree()
        if cls.policy is not None:
            tree.file("/security-policy.json", json.dumps(cls.policy), mode=0o444)
        guest.drive("mvm-config", tree=tree, readonly=True)

    @classmethod
    def observe(cls, machine):
        cls.client = mvm_client.Client(machine.vsock_path)
        machine.console.wait_line("mvm-guest-agent: listening .*")
        protocol.until(cls.client.integrations, lambda r: all(
            i["health"]["detail"] != "first check pending" for i in r.values() if i["health"]))
        protocol.until(cls.client.probes, lambda r: len(r) == 2)

    # Steps

    def dial(self):
        return mvm_client.dial(self.machine.vsock_path, timeout=PATIENCE_S)

    def may_have(self, request):
        return self.policy is not None or not request.guarded

    def harmless(self):
        """The requests that the guest outlives."""
        return [r for r in REQUESTS.values() if not (r.ends and self.may_have(r))]

    def assert_answer(self, request, body):
        """One that a host could decode, to this request, spelled as mvm spells it."""
        name, value = mvm_types.decode(body, ALL_ANSWERS)
        self.assertEqual(name, request.answer if self.may_have(request) else "Error")
        self.assert_spelling(name, body)
        if name == "Error":
            self.assertEqual(value["message"], "%s rejected: access.debug_exec not enabled in "
                             "security policy" % request.name.replace("Exec", "exec"))
        return value

    def assert_spelling(self, name, body):
        """Compact, with no escapes but those that must be, the fields in their order."""
        self.assertEqual(body.decode(), json.dumps(json.loads(body), separators=(",", ":"),
                                                   ensure_ascii=False))
        if ALL_ANSWERS[name] is not None:
            fields = list(json.loads(body)[name])
            self.assertEqual(fields, [f for f in ALL_ANSWERS[name].fields if f in fields])

    def assert_error(self, body, words=""):
        name, value = mvm_types.decode(body, ALL_ANSWERS)
        self.assertEqual(name, "Error")
        self.assertIn(words, value["message"])
        self.assert_spelling(name, body)

    def assert_end(self, s):
        """The guest has closed it, without another byte."""
        try:
            self.assertEqual(s.recv(1), b"")
        except ConnectionResetError:
            pass

    def assert_ends(self, streams):
        """
        Firecracker does not show that the guest has shut down its side, so the end is there only
        when the agent no longer waits for the host's: they are looked at together.
        """
        for s in streams:
            with s:
                self.assert_end(s)

    # Tests

    def test_all_that_the_agent_understands_is_in_the_table(self):
        with self.dial() as s:
            mvm_client.send(s, mvm_client.encode("Hello"))
            hello = self.assert_answer(REQUESTS["Hello"], mvm_client.receive(s))
        # Consoles and forwards have data ports; test_console.py, test_run.py and test_files.py drive
        # these.
        elsewhere = {"ConsoleOpen", "ConsoleResize", "ConsoleClose", "StartPortForward", "FsDiff",
                     "FsHash", "FsSetAttributes"}
        self.assertEqual(set(hello["requests"]), set(REQUESTS) | elsewhere)

    def test_good(self):
        for request in self.harmless():
            for body in request.good():
                with self.subTest(body), self.dial() as s:
                    mvm_client.send(s, body.encode())
                    self.assert_answer(request, mvm_client.receive(s))

    def test_bad(self):
        """Error, and the end. None of it does what it nearly says, or the guest would be gone."""
        streams = []
        for request in REQUESTS.values():
            for what, body in request.bad().items():
                with self.subTest(request=request.name, wrong=what):
                    streams.append(self.dial())
                    streams[-1].sendall(frame(body))
                    self.assert_error(mvm_client.receive(streams[-1]))
        self.assert_ends(streams)
        self.assertTrue(self.client.ping())

    def test_as_long_as_can_be(self):
        for request in self.harmless():
            with self.subTest(request.name), self.dial() as s:
                body = request.body().encode()
                mvm_client.send(s, body + b" " * (LONGEST - len(body)))
                self.assert_answer(request, mvm_client.receive(s))

    def test_one_byte_longer(self):
        """Error as soon as the length is there, whether or not the body follows; then the end."""
        streams = []
        for request in REQUESTS.values():
            body = request.body().encode()
            for follows in (b"", body + b" " * (LONGEST + 1 - len(body))):
                with self.subTest(request=request.name, follows=len(follows)):
                    s = self.dial()
                    streams.append(s)
                    s.sendall(struct.pack(">I", LONGEST + 1))
                    try:
                        s.sendall(follows)
                    except (BrokenPipeError, ConnectionResetError):
                        pass        # it has closed already
                    self.assert_error(mvm_client.receive(s), "262145")
        self.assert_ends(streams)
        with self.dial() as s:
            s.sendall(b"\xff\xff\xff\xff")
            self.assert_error(mvm_client.receive(s), "4294967295")

    @staticmethod
    def cuts(request):
        """A frame cut in its header, behind it, in the body, and before its last byte."""
        data = frame(request.body())
        return [data[:n] for n in (1, 3, 4, 4 + (len(data) - 4) // 2, len(data) - 1)]

    def test_cut_and_then_the_end(self):
        """It ends without a word, as mvm's agent does."""
        for request in REQUESTS.values():
            for part in self.cuts(request):
                with self.subTest(part), self.dial() as s:
                    s.sendall(part)
                    s.shutdown(socket.SHUT_WR)
                    self.assert_end(s)
                with self.subTest(part), self.dial() as s:
                    s.sendall(part)
        self.assertTrue(self.client.ping())

    def test_a_byte_every_100_ms(self):
        """All side by side; but while a restore mounts the config drive again, there is no policy."""
        restores = [r for r in self.harmless() if r.name in ("Wake", "PostRestore")]
        for request in restores:
            self.trickle([request])
        self.trickle([r for r in self.harmless() if r not in restores])

    def trickle(self, requests):
        frames = [frame(r.body()) for r in requests]
        streams = [self.dial() for _ in requests]
        begin = time.monotonic()
        for n in range(max(len(f) for f in frames)):
            # Each byte is due at its time, so that a busy host does not take longer than the agent waits.
            time.sleep(max(0, begin + n * PACE_S - time.monotonic()))
            for s, data in zip(streams, frames):
                if n < len(data):       # the others have been answered, and may be closed
                    s.sendall(data[n:n + 1])
        for s, request in zip(streams, requests):
            with self.subTest(request.name), s:
                self.assert_answer(request, mvm_client.receive(s))

    def test_many_in_one_write(self):
        """They are answered in their order."""
        requests = [r for r in self.harmless() for _ in range(3)]
        with self.dial() as s:
            s.sendall(b"".join(frame(r.body()) for r in requests))
            for request in requests:
                with self.subTest(request.name):
                    self.assert_answer(request, mvm_client.receive(s))

    def test_a_bad_one_among_many(self):
        """Those before it are answered, it gets an Error, and those behind it nothing."""
        with self.dial() as s:
            s.sendall(frame("\"Ping\"") * 3 + frame("\"ping\"") + frame("\"Ping\"") * 3)
            for _ in range(3):
                self.assert_answer(REQUESTS["Ping"], mvm_client.receive(s))
            self.assert_error(mvm_client.receive(s), "unknown message")
            self.assert_end(s)


class WireOnExt4(Wire, cases.SharedBoot):
    def test_every_status(self):
        integrations = self.client.integrations()
        self.assertEqual({n: i["status"] for n, i in integrations.items()}, {
            "db": ("active", None), "mail": ("error", "exit code 1"), "slow": ("starting", None),
            "plain": ("active", None), "gate": ("active", None)})
        self.assertEqual({n for n, i in integrations.items() if i["health"] is None},
                         {"plain", "gate"})
        probes = self.client.probes()
        self.assertEqual(probes["disk"]["output"], {"pct": 41, "free": [1, None]})
        self.assertIsNone(probes["other"]["output"])
        self.assertIn(self.client.worker_status()["status"], ("idle", "busy"))

    def test_results_of_both_kinds(self):
        self.assertEqual(self.client.checkpoint(["db", "plain"]), {
            "success": True, "failed": [], "detail": "checkpointed db"})
        done = self.client.checkpoint(["mail", "db", "nobody"])
        self.assertEqual((done["success"], done["failed"]), (False, ["mail", "nobody"]))
        self.assertIn("mail: lock held", done["detail"])
        self.assertIn("nobody: no such integration", done["detail"])
        self.assertEqual(self.client.checkpoint([])["failed"], [])
        self.assertTrue(self.client.sleep_prep(30)["success"])
        self.assertEqual(self.client.exec("touch /tmp/shut")["exit_code"], 0)
        done = self.client.sleep_prep(30)
        self.assertFalse(done["success"])
        self.assertIn("gate (critical)", done["detail"])
        self.assertEqual(self.client.exec("rm /tmp/shut")["exit_code"], 0)

    def test_silence(self):
        """
        A client that stops in the middle, or is too slow, is told after 30 s; one that has not begun
        is dropped silently. No other client waits for them.
        """
        cut = [(part, self.dial()) for r in REQUESTS.values() for part in self.cuts(r)]
        silent, slow = self.dial(), self.dial()
        for part, s in cut:
            s.sendall(part)
        for byte in frame(" " * TRICKLE_MAX):
            time.sleep(PACE_S)
            try:
                slow.sendall(bytes([byte]))
            except (BrokenPipeError, ConnectionResetError):
                break
            if readable([slow.fileno()], 0) is not None:
                break
            self.assertTrue(self.client.ping())
        for part, s in cut + [(b"slow", slow)]:
            with self.subTest(part), s:
                self.assert_error(mvm_client.receive(s), "did not arrive in time")
                self.assert_end(s)
        with silent:
            self.assert_end(silent)


class WireOnSquashfs(Wire, cases.SharedBoot):
    root = "squashfs"
    options = {"quirks": True}      # half-closes as Firecracker does


class WireWithoutLeave(Wire, cases.SharedBoot):
    """Without a policy: what needs its leave is refused, however it comes."""

    root = "squashfs"
    policy = None


class WireShutdown(cases.GuestCase):
    """The one request that a guest answers once: a boot for each spelling (WIRE_SPELLINGS=all)."""

    def test_every_spelling(self):
        request = REQUESTS["Shutdown"]
        guest = self.guest("squashfs")
        guest.drive("mvm-config", tree=images.Tree().file(
            "/security-policy.json", json.dumps(Wire.policy), mode=0o444), readonly=True)
        bodies = request.good()
        for body in bodies if SPELLINGS == "all" else bodies[:1] + bodies[-1:]:
            with self.subTest(body):
                machine = self.boot(guest)
                machine.console.wait_line("mvm-guest-agent: listening .*")
                with mvm_client.dial(machine.vsock_path, timeout=PATIENCE_S) as s:
                    mvm_client.send(s, body.encode())
                    name, value = mvm_types.decode(mvm_client.receive(s), ALL_ANSWERS)
                self.assertEqual((name, value["success"]), (request.answer, True))
                self.assertEqual(machine.wait(60), 0)
                self.assertIn("goodbye", self.output(machine).init())


if __name__ == "__main__":
    main()
