#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which guests a command line stands for, and a thousand of them at once."""
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

import fakes
from fakes import probe
from rig.tap import main

ROUNDS = 12
MEMORY_KB = 16 * 1024


def names(*arguments, **options):
    done = probe("ping", "--json", *arguments, **options)
    return [guest["name"] for guest in json.loads(done.stdout)]


class Targets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = fakes.Fleet(["c", "a", "b"]).__enter__()
        cls.addClassCleanup(cls.fleet.__exit__, None, None, None)
        cls.directory = cls.fleet.directory
        os.mkdir(os.path.join(cls.directory, "not-a-vm"))

    def test_a_directory_of_vms_in_stable_order(self):
        self.assertEqual(names(self.directory), ["a", "b", "c"])
        self.assertEqual(names(self.directory + "/"), ["a", "b", "c"])

    def test_a_glob_skips_what_is_no_vm(self):
        self.assertEqual(names(self.directory + "/*"), ["a", "b", "c"])
        self.assertEqual(names(self.directory + "/*/v.sock"), ["a", "b", "c"])
        self.assertEqual(names(self.directory + "/[bc]"), ["b", "c"])

    def test_a_glob_that_matches_one_still_gives_an_array(self):
        self.assertEqual(names(self.directory + "/a*"), ["a"])

    def test_a_glob_without_a_match_is_an_error(self):
        done = probe("ping", self.directory + "/x*", status=2)
        self.assertIn("/x*: no VM matches; is one running?", done.stderr)

    def test_a_vm_directory_and_both_sockets(self):
        with fakes.Fleet(["deep"], socket="runtime/v.sock") as fleet:
            for text in ("", "/v.sock", "/runtime", "/runtime/v.sock"):
                self.assertEqual(json.loads(probe("ping", "--json", fleet.path("deep") + text)
                                            .stdout)["name"], "deep", text)

    def test_all_by_option_and_environment(self):
        path = "/nonexistent/*:%s/*" % self.directory
        self.assertEqual(names("--search-path", path), ["a", "b", "c"])
        self.assertEqual(names("--all", env={"MVM_PROBE_PATH": path}), ["a", "b", "c"])
        self.assertEqual(names("--all", env={"MVM_PROBE_PATH": "~/", "HOME": self.directory}),
                         ["a", "b", "c"])
        done = probe("ping", "--search-path", "/nonexistent/*", status=2)
        self.assertIn("no VM found in /nonexistent/*", done.stderr)

    def test_a_file_of_targets(self):
        path = os.path.join(self.directory, "targets")
        with open(path, "w", encoding="utf-8") as f:
            f.write("# mine\n\n  %s/b \r\n%s/a\n" % (self.directory, self.directory))
        self.assertEqual(names("--targets", path), ["b", "a"])
        with open(path, encoding="utf-8") as f:
            self.assertEqual(names("--targets", "-", stdin=f), ["b", "a"])
        with open(path, "a", encoding="utf-8") as f:
            f.write("vsock:2\n")
        self.assertIn("targets:5: vsock:2: CID 2 is not a guest's",
                      probe("ping", "--targets", path, status=2).stderr)
        self.assertIn("--targets: /nonexistent: ",
                      probe("ping", "--targets", "/nonexistent", status=2).stderr)

    def test_the_same_socket_counts_once(self):
        self.assertEqual(names(self.directory, self.directory + "/*",
                               self.directory + "/a/v.sock"), ["a", "b", "c"])

    def test_verbs_with_one_target_do_not_expand(self):
        self.assertIn("no such socket", probe("events", self.directory + "/*", "web",
                                              status=3).stderr)
        self.assertIn("--all is not for 'events'", probe("events", "--all", "x", "web",
                                                       status=2).stderr)

    def test_parallel_limits_who_is_asked_at_once(self):
        probe("ping", "--parallel", "1", self.directory)
        guest = self.fleet.guests["a"]
        guest.open_max = 0
        probe("status", "--parallel", "1", self.directory)
        self.assertLessEqual(guest.open_max, 3, "three questions of one guest")
        self.assertIn("not a number from 1", probe("ping", "--parallel", "0", "x", status=2).stderr)


class Thousand(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = fakes.Fleet(["vm%04d" % n for n in range(1000)]).__enter__()
        cls.addClassCleanup(cls.fleet.__exit__, None, None, None)

    def measure(self, *arguments):
        """Run mvm-probe; (its output, peak memory in KiB). The child measures: ours is larger."""
        script = ("import resource,subprocess,sys;"
                  "r=subprocess.run(sys.argv[1:],stdout=subprocess.PIPE);"
                  "sys.stdout.buffer.write(r.stdout);"
                  "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,file=sys.stderr);"
                  "sys.exit(r.returncode)")
        done = subprocess.run([sys.executable, "-S", "-c", script, fakes.PROBE, *arguments],
                              check=False, capture_output=True, text=True, timeout=fakes.SECONDS)
        return done, int(done.stderr.splitlines()[-1])

    def test_status_in_order_and_in_little_memory(self):
        done, memory = self.measure("status", self.fleet.directory)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()[1:]],
                         sorted(self.fleet.guests))
        self.assertLessEqual(memory, MEMORY_KB)

    def test_guests_that_send_without_end_cannot_fill_the_memory(self):
        bloat = b'"' + b"x" * (256 * 1024 - 2) + b'"'
        for guest in self.fleet.guests.values():
            guest.answers["WorkerStatus"] = bloat
        self.addCleanup(lambda: [guest.answers.update(WorkerStatus=fakes.HEALTHY["WorkerStatus"])
                                 for guest in self.fleet.guests.values()])
        done, memory = self.measure("status", "--timeout", "60s", self.fleet.directory)
        self.assertEqual(done.returncode, 3)
        self.assertLessEqual(memory, MEMORY_KB + 8 * 1024, "answers in the sockets are not ours")


class Cost(unittest.TestCase):
    """
    What asking a thousand guests costs, beside a program that connects as often, sends as many
    frames and looks at none of the answers. Processor time, of the client and with that of the
    fakes: 1.1 to 1.25 and 1.5 to 1.65 times the other's on a quiet machine. The limits leave room for
    programs that share its caches.
    """

    SCRIPT = ("import resource,subprocess,sys;"
              "subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,check=True);"
              "u=resource.getrusage(resource.RUSAGE_CHILDREN);print(u.ru_utime+u.ru_stime)")

    def cost(self, *command):
        """Seconds of processor time: of the command, and of the fakes."""
        before = time.process_time()
        done = subprocess.run([sys.executable, "-S", "-c", self.SCRIPT, *command], check=True,
                              stdout=subprocess.PIPE, timeout=fakes.SECONDS)
        return float(done.stdout), time.process_time() - before

    def test_status_and_a_scrape_beside_bare_connects(self):
        with tempfile.TemporaryDirectory() as directory, \
                fakes.Fleet(["vm%04d" % n for n in range(1000)]) as fleet:
            bare = os.path.join(directory, "bare")
            subprocess.run(["gcc", "-O2", "-o", bare, os.path.join(
                fakes.HERE, "bare_connects.c")], check=True)
            paths = [guest.path for guest in fleet.guests.values()]
            for limit, own_limit, connects, command in (
                    (2, 3, 3, ("status", fleet.directory)),
                    (3, 10, 1, ("exporter", "--textfile", os.path.join(directory, "page"),
                            "--search-path", fleet.directory))):
                with self.subTest(command[0]):
                    rounds = []
                    # A busy machine only adds to a round: the least of some tells the truth.
                    for _ in range(ROUNDS):
                        rounds.append((self.cost(bare, str(connects), *paths),
                                       self.cost(fakes.PROBE, *command)))
                        least = [min(sum(pair[n]) for pair in rounds) for n in (0, 1)]
                        own = [min(pair[n][0] for pair in rounds) for n in (0, 1)]
                        if least[1] <= limit * least[0] and own[1] <= own_limit * own[0]:
                            break
                    self.assertLessEqual(least[1], limit * least[0], rounds)
                    self.assertLessEqual(own[1], own_limit * own[0], rounds)


class Slow(unittest.TestCase):
    def test_one_slow_guest_has_its_own_deadline(self):
        with fakes.Fleet(["vm%02d" % n for n in range(20)]) as fleet:
            fleet.guests["vm07"].answers["WorkerStatus"] = None
            done = probe("status", "--timeout", "5s", fleet.directory, status=3)
            lines = done.stdout.splitlines()
            self.assertEqual([s.split()[0] for s in lines if "unreachable" in s], ["vm07"])
            self.assertEqual(len(lines), 21)
            self.assertEqual(done.stderr.count("timed out after 5 s"), 1)


class EndsByTimeout(unittest.TestCase):
    def test_events_of_a_guest_that_is_never_through(self):
        with fakes.Fleet(["odd"]) as fleet:
            def one_more(fields):
                time.sleep(0.1)     # the guest's pace, not ours: the deadline has to end this
                position = fields.get("position", 1)
                return {"Events": {"events": [{"number": position, "at_ms": 1, "service": "web",
                                               "before": "running", "after": "failed",
                                               "cause": "exited", "reason": None, "pid": 1}],
                                   "position": position + 1, "lost": 0}}
            fleet.guests["odd"].answers["Events"] = one_more
            before = len(fleet.guests["odd"].requests)
            done = probe("events", "--timeout", "1s", fleet.path("odd"), status=3)
            self.assertIn("timed out", done.stderr)
            self.assertLessEqual(len(fleet.guests["odd"].requests) - before, 12)


if __name__ == "__main__":
    main()
