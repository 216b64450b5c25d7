#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The guest agent on PID 1: who it is, what it answers, and what it survives."""
import json
import re
import socket

import cases
import protocol
from rig.tap import main

NO_CAPABILITIES = "0" * 16               # the starter has them: vm/cage
TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"


class Agent:
    """Checks of every kind; one hangs."""

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "id", "cat", "grep", "printf", "pwd", "head", "env")
        guest.user("web", 1000).user("other", 1001, groups=())
        guest.group("log", 2000, ["web"])
        say = {"health_interval_secs": 1, "health_timeout_secs": 5}
        guest.integration("good", health_cmd="/bin/facts exit 0", health_interval_secs=1)
        guest.integration("bad", health_cmd="/bin/facts exit 3", **say)
        guest.integration("killed", health_cmd="/bin/facts crash", **say)
        guest.integration("says", health_cmd="echo 'not \"well\"' >&2; exit 1", **say)
        guest.integration("hangs", health_cmd="/bin/facts daemon + stubborn",
                          health_interval_secs=2, health_timeout_secs=1)
        guest.integration("graced", health_cmd="/bin/facts exit 1", startup_grace_secs=3600, **say)
        guest.integration("unchecked")
        guest.integration("absent", health_cmd="/bin/absent", **say)
        guest.integration("floods", health_cmd="head -c 1000000 /dev/zero >&2; printf end >&2; exit 1",
                          **say)
        guest.integration("id", health_cmd="id >&2; exit 1", **say)
        guest.integration("id-web", health_cmd="id >&2; exit 1", user="web", **say)
        guest.integration("id-root", health_cmd="id >&2; exit 1", user="root", **say)
        guest.integration("caps", health_cmd="grep -E 'Cap|NoNew|Uid' /proc/self/status >&2; exit 1",
                          **say)
        guest.integration("place", health_cmd="pwd >&2; ls -l /proc/self/fd >&2; exit 1", **say)
        guest.probe("json", cmd="printf '{\"pct\": 41, \"x\": [1, null]}'", output_format="json",
                    interval_secs=1)
        guest.probe("command", command="/bin/facts exit 0")
        guest.probe("failing", cmd="/bin/facts exit 4", interval_secs=1)
        guest.probe("not-json", cmd="printf nonsense", output_format="json")
        guest.service("thief", "/bin/facts vsock-pong 52 + vsock-pong 5252", user="web",
                      restart="never")
        guest.integration("oom", health_cmd="cat /proc/self/oom_score_adj >&2; exit 1", **say)
        guest.service("early", "/bin/facts cat /proc/self/oom_score_adj", restart="never")
        # Until the agent has written down what its checks said, there is one file less.
        guest.service("looks", "until /bin/facts stat /run/mvm-guest-agent | grep -q size=60; do "
                      "/bin/acts nap 100; done; p=$(cat /sys/fs/cgroup/guest/mvm-guest-agent/cgroup.procs); "
                      "/bin/acts field /proc/${p%%[!0-9]*}/status Uid: Gid: Groups: Cap NoNewPrivs: "
                      "+ /bin/facts stat /run/mvm-guest-agent /run/mvm-guest-agent/history.json + "
                      "read /run/mvm-guest-agent/history.json + vsock-connect 1 52 hello + "
                      "vsock-connect 3 52 hello + cat /proc/self/oom_score_adj /proc/1/oom_score_adj "
                      "/proc/${p%%[!0-9]*}/oom_score_adj /proc/$(cat /sys/fs/cgroup/guest/log-collector/cgroup.procs)/oom_score_adj "
                      "+ echo done + sleep", on_boot_delay="1s")

    @classmethod
    def observe(cls, machine):
        reports = protocol.until(lambda: protocol.integrations(machine), lambda r: all(
            i["health"]["detail"] != "first check pending" for i in r.values() if i["health"]))
        cls.first = reports
        cls.reports = protocol.until(
            lambda: protocol.integrations(machine),
            lambda r: r["hangs"]["health"]["detail"].startswith("timed out") and
            r["good"]["health"]["checked_at"] != reports["good"]["health"]["checked_at"])
        cls.probes = protocol.until(lambda: protocol.probes(machine), lambda r: len(r) == 4)
        machine.console.wait_line("looks: done")

    def test_no_service_can_be_the_agent(self):
        """Port 5252 takes no privilege: it is bound before a service starts."""
        self.assertEqual(self.output.facts("thief", "vsock-pong"),
                         ["52 EACCES", "5252 EADDRINUSE"])

    def test_who_goes_when_memory_runs_out(self):
        """The guest's own processes last, and no one else has it from them."""
        scores = [l.split(": ") for l in self.output.lines("looks") if "oom_score_adj: " in l]
        self.assertEqual([s for _, s in scores], ["0", "-900", "-900", "-900"], scores)
        self.assertEqual(self.output.facts("early", "/proc/self/oom_score_adj"), ["0"])
        self.assertEqual(self.detail("oom"), "0")

    # What checks say

    def health(self, name):
        return self.reports[name]["health"]

    def detail(self, name):
        return self.health(name)["detail"]

    def test_exact_shape_of_a_report(self):
        for name, report in self.reports.items():
            with self.subTest(name):
                self.assertEqual(list(report), ["name", "status", "last_checkpoint_at",
                                                "state_size_bytes", "health"])
                self.assertIsNone(report["last_checkpoint_at"])
                self.assertEqual(report["state_size_bytes"], 0)
                if name != "unchecked":
                    self.assertEqual(list(report["health"]), ["healthy", "detail", "checked_at"])
                    self.assertRegex(report["health"]["checked_at"], TIME)

    def test_states(self):
        for name, status in (("good", "active"), ("bad", {"error": "exit code 3"}),
                             ("graced", "starting"), ("unchecked", "active"),
                             ("hangs", {"error": "timed out after 1s"})):
            self.assertEqual(self.reports[name]["status"], status)

    def test_details(self):
        self.assertEqual(self.health("good")["detail"], "ok")
        self.assertTrue(self.health("good")["healthy"])
        self.assertIsNone(self.health("unchecked"))
        for name, detail in (("bad", "exit code 3"), ("killed", "exit code -1 (signal 11)"),
                             ("says", "not \"well\""), ("hangs", "timed out after 1s"),
                             ("absent", "failed to execute: exec: No such file or directory")):
            with self.subTest(name):
                self.assertEqual(self.detail(name), detail)
                self.assertFalse(self.health(name)["healthy"])

    def test_a_hung_check_delays_no_other(self):
        """The others have been checked again since it began to hang."""
        self.assertNotEqual(self.first["good"]["health"]["checked_at"],
                            self.reports["good"]["health"]["checked_at"])

    def test_output_without_end_is_bounded(self):
        self.assertTrue(self.detail("floods").endswith("end"))
        self.assertLess(len(self.detail("floods")), 20000)

    def test_probes(self):
        self.assertEqual(list(self.probes["json"]), ["name", "healthy", "detail", "output",
                                                     "checked_at"])
        self.assertEqual(self.probes["json"]["output"], {"pct": 41, "x": [1, None]})
        self.assertEqual(list(self.probes["command"]), ["name", "healthy", "detail", "checked_at"])
        self.assertEqual((self.probes["failing"]["healthy"], self.probes["failing"]["detail"]),
                         (False, "exit code 4"))
        self.assertTrue(self.probes["not-json"]["healthy"])
        self.assertNotIn("output", self.probes["not-json"])

    # Who they are

    def test_checks_run_as_the_service_user(self):
        self.assertEqual(self.detail("id"), "uid=900(mvm) gid=900(mvm) groups=900(mvm)")

    def test_or_as_the_user_of_their_file(self):
        self.assertEqual(self.detail("id-web"),
                         "uid=1000(web) gid=1000(web) groups=900(mvm),1000(web),2000(log)")

    def test_but_never_as_root(self):
        self.assertTrue(self.detail("id-root").startswith("failed to execute: "))
        self.assertNotIn("uid=0", self.detail("id-root"))

    def test_checks_have_no_privileges(self):
        fields = dict(l.split(":\t") for l in self.detail("caps").splitlines())
        self.assertEqual({fields[c] for c in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
                         {"0" * 16})
        self.assertEqual(fields["NoNewPrivs"], "1")
        self.assertEqual(fields["Uid"], "900\t900\t900\t900")

    def test_the_agents_own_identity(self):
        fields = dict(re.split(r":\s*", f, maxsplit=1) for f in self.output.facts("looks", "field"))
        self.assertEqual(fields["Uid"].split(), ["901"] * 4)
        self.assertEqual(fields["Gid"].split(), ["901"] * 4)
        self.assertEqual({fields[c] for c in ("CapPrm", "CapEff", "CapBnd", "CapAmb")},
                         {NO_CAPABILITIES})
        self.assertEqual(fields["NoNewPrivs"], "1")

    def test_its_state_is_its_own(self):
        self.assert_line("looks", "stat: /run/mvm-guest-agent 040700 uid=901 gid=901 size=60")
        self.assert_line("looks", "read: /run/mvm-guest-agent/history.json EACCES")

    # Who may ask

    def test_only_the_host_is_served(self):
        self.assertEqual(len([l for l in self.output.facts("looks", "vsock-connect")
                              if l.endswith(" ok")]), 2)
        reads = self.output.facts("looks", "vsock-read")
        self.assertEqual(len(reads), 2)
        self.assertEqual([r for r in reads if not r.startswith(" ")], [])   # not a byte
        self.assertTrue([l for l in self.output.lines("mvm-guest-agent")
                         if l.startswith("refused 1 connection not made by the host")])

    # What it answers

    def test_exact_bytes(self):
        with self.machine.connect(protocol.PORT) as s:
            for request, answer in (("\"Ping\"", b"\"Pong\""), (" {\"Ping\":null} ", b"\"Pong\"")):
                s.sendall(protocol.frame(request))
                self.assertEqual(protocol.read_frame(s), answer)

    def test_requests_at_once_are_answered_in_turn(self):
        with self.machine.connect(protocol.PORT) as s:
            s.sendall((protocol.frame("\"Ping\"") + protocol.frame("\"WorkerStatus\"")) * 20)
            for _ in range(20):
                self.assertEqual(protocol.read_frame(s), b"\"Pong\"")
                status = json.loads(protocol.read_frame(s))["WorkerStatus"]
                self.assertEqual(list(status), ["status", "last_busy_at"])
                self.assertIn(status["status"], ("idle", "busy"))

    def test_a_request_byte_by_byte(self):
        with self.machine.connect(protocol.PORT) as s:
            for byte in protocol.frame("\"Ping\""):
                s.sendall(bytes([byte]))
            self.assertEqual(protocol.read_frame(s), b"\"Pong\"")

    def test_malformed_requests_get_an_error(self):
        for body in ("", "{", "null", "\"ping\"", "\"SleepPrep\"", "{\"Ping\":{}}", "[]", "{}",
                     "{\"Ping\":null,\"Wake\":null}", b"\"\xff\"", "\"Ping\"x", "[" * 200,
                     "{\"SleepPrep\":{\"drain_timeout_secs\":\"30\"}}", "\0" * 10, " "):
            with self.subTest(body), self.machine.connect(protocol.PORT) as s:
                s.sendall(protocol.frame(body))
                answer = json.loads(protocol.read_frame(s))
                self.assertEqual(list(answer), ["Error"])
                self.assertEqual(list(answer["Error"]), ["message"])
                self.assertTrue(answer["Error"]["message"])
        self.assertEqual(protocol.ask(self.machine, "Ping"), "Pong")

    def test_a_frame_that_is_too_long(self):
        with self.machine.connect(protocol.PORT) as s:
            s.sendall(b"\0\x04\0\x01")
            self.assertIn("262145", json.loads(protocol.read_frame(s))["Error"]["message"])
            s.settimeout(20)
            self.assertIsNone(protocol.read_frame(s))

    def test_a_frame_that_is_just_not(self):
        with self.machine.connect(protocol.PORT) as s:
            s.sendall(protocol.frame("\"Ping\"" + " " * (262144 - 6)))
            self.assertEqual(protocol.read_frame(s), b"\"Pong\"")

    def test_half_a_request_and_an_end(self):
        with self.machine.connect(protocol.PORT) as s:
            s.sendall(b"\0\0\0\6\"Pi")
            s.shutdown(socket.SHUT_WR)
            s.settimeout(20)
            self.assertIsNone(protocol.read_frame(s))


class AgentOnExt4(Agent, cases.SharedBoot):
    pass


class AgentOnSquashfs(Agent, cases.SharedBoot):
    root = "squashfs"
    options = {"quirks": True}      # half-closes as Firecracker does


if __name__ == "__main__":
    main()
