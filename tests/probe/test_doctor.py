#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The findings of inspect and doctor in guests that answer as sick guests do."""
import json
import time
import unittest

import fakes
from fakes import probe, service
from rig.tap import main


def shell(*lines):
    """The answer of a guest's shell; without lines, of one in which nothing is wrong."""
    good = ["clock %d" % time.time(), "kernel 6.1.155", "drive /mnt/data 40 600000",
            "mount /mnt/data", "link eth0", "link lo", "route Iface", "route eth0",
            "address eth0 10.0.0.2/24", "pressure some avg10=0.00"]
    words = {line.split()[0] for line in lines}
    kept = [line for line in good if line.split()[0] not in words]
    return {"ExecResult": {"exit_code": 0, "stdout": "\n".join([*kept, *lines]) + "\n",
                           "stderr": ""}}


REFUSED = {"Error": {"message": "debug_exec not enabled"}}
# What is wrong, and what has to be found: (service, answer of the shell, kind, exit status).
SICK = (
    (service("web", "auto-restart", failures=5, restarts=5, reason="exit code 1"), shell(),
     "crash-loop", 4),
    (service("web", oom_kills=2), shell(), "out-of-memory", 4),
    (service("web", "failed", reason="no user 'nobody-here' in the passwd file"), shell(),
     "unknown-user", 4),
    (service("web", "failed", failures=3, reason="exec /srv/run: its interpreter /bin/zsh is "
             "missing: No such file or directory"), shell(), "missing-interpreter", 4),
    (service("web", "failed", reason="exit code 3"), shell(), "failed-service", 4),
    (service("mvm-guest-agent", built_in=True, restarts=2), shell(), "agent-restarting", 1),
    (service("web"), shell("drive /mnt/data 99 1000"), "drive-full", 4),
    (service("web"), shell("drive /mnt/data 92 1000"), "drive-full", 1),
    (service("web"), shell("clock 1000"), "wrong-clock", 4),
    (service("web"), shell("link lo", "route Iface", "address lo 127.0.0.1/8"), "no-network", 1),
    (service("web"), shell("mount /"), "drive-missing", 0),
    (service("web", "failed", reason="exit code 3"), shell("mount /"), "drive-missing", 4),
)


class Doctor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = fakes.Fleet(["a"]).__enter__()
        cls.addClassCleanup(cls.fleet.__exit__, None, None, None)
        cls.guest = cls.fleet.guests["a"]

    def answer(self, services=(), exec_answer=None):
        self.guest.answers["Metrics"] = {"Metrics": dict(
            fakes.HEALTHY["Metrics"]["Metrics"], services=list(services))}
        self.guest.answers["Exec"] = exec_answer or shell()
        self.guest.answers["IntegrationStatus"] = fakes.HEALTHY["IntegrationStatus"]

    def findings(self, status):
        done = probe("doctor", "--json", self.fleet.path("a"), status=status)
        return json.loads(done.stdout)["findings"]

    def test_nothing_is_found_in_a_healthy_guest(self):
        self.answer([service("web")])
        self.assertEqual(self.findings(0), [])
        self.assertIn("nothing found", probe("doctor", self.fleet.path("a")).stdout)

    def test_each_condition_is_found_with_what_to_do(self):
        for one, exec_answer, kind, status in SICK:
            with self.subTest(kind):
                self.answer([one], exec_answer)
                found = self.findings(status)
                self.assertIn(kind, [f["kind"] for f in found])
                self.assertTrue(all(f["action"] for f in found), found)

    def test_a_failing_check_and_the_worst_first(self):
        self.answer([service("mvm-guest-agent", built_in=True, restarts=1)])
        self.guest.answers["IntegrationStatus"] = {"IntegrationStatusReport": {"integrations": [
            fakes.integration("web", healthy=False, detail="exit \x1b[2J code 1")]}}
        self.assertEqual([(f["weight"], f["kind"]) for f in self.findings(4)],
                         [("critical", "failing-check"), ("warning", "agent-restarting")])
        done = probe("doctor", self.fleet.path("a"), status=4)
        self.assertIn("critical: web: the health check fails: exit \\x1b[2J code 1\n"
                      "  what to do: ", done.stdout)

    def test_without_leave_for_commands(self):
        self.answer([service("web")], REFUSED)
        self.assertEqual(self.findings(0), [])
        done = probe("inspect", self.fleet.path("a"))
        self.assertIn("not known: the agent answered: debug_exec not enabled", done.stdout)

    def test_inspect_shows_one_page(self):
        self.answer([service("web", "failed", failures=1, reason="exit code 3"),
                     service("db")])
        done = probe("inspect", self.fleet.path("a"), status=4)
        for part in ("1/1 healthy", "6.1.155", "/mnt/data 40% full", "10.0.0.2/24",
                     "HEALTHY AFTER  812 ms", "Last output of web:\n  one\n  two\n  three\n",
                     "critical: web: does not run: exit code 3"):
            self.assertIn(part, done.stdout)
        self.assertNotIn("Last output of db", done.stdout)
        page = json.loads(probe("inspect", "--json", self.fleet.path("a"), status=4).stdout)
        self.assertEqual((page["kernel"], page["drives"][0]["used_percent"]), ("6.1.155", 40))

    def test_no_answer(self):
        self.assertIn("no such socket", probe("doctor", "/nonexistent", status=3).stderr)
        page = json.loads(probe("inspect", "--json", "/nonexistent", status=3).stdout)
        self.assertEqual(page["error"]["kind"], "no-socket")


if __name__ == "__main__":
    main()
