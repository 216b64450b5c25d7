#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py believes no suite that crashes, hangs, or does not do what it planned."""
import io
import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "vm"))
import run  # noqa: E402
from rig.tap import main  # noqa: E402
import unittest  # noqa: E402


class RunTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.logs = directory.name

    def run_suites(self, *scripts, seconds=60, jobs=2):
        """Runs shell scripts as suites; returns the exit status and the lines printed."""
        suites = [run.Suite("suite/%d" % i, ["/bin/sh", "-c", s], seconds)
                  for i, s in enumerate(scripts)]
        out = io.StringIO()
        status = run.Runner(suites, jobs, self.logs, out).run()
        return status, out.getvalue().splitlines()

    def assert_counts(self, result, status, counts):
        self.assertEqual((result[0], result[1][-1]), (status, counts), "\n".join(result[1]))


class Believed(RunTest):
    def test_good_suite(self):
        result = self.run_suites("echo 1..2; echo ok 1 - a; echo ok 2 - b")
        self.assert_counts(result, 0, "2 passed, 0 failed, 0 skipped")

    def test_plan_at_the_end_without_numbers(self):
        result = self.run_suites("echo TAP version 13; echo ok - a; echo '# words'; echo ok; "
                                 "echo 1..2")
        self.assert_counts(result, 0, "2 passed, 0 failed, 0 skipped")

    def test_several_suites_add_up(self):
        good = "echo 1..1; echo ok 1"
        self.assert_counts(self.run_suites(good, good, good), 0, "3 passed, 0 failed, 0 skipped")

    def test_failed_test_is_shown_with_its_comments(self):
        status, lines = self.run_suites(
            "echo 1..2; echo not ok 1 - sums; echo '# 1 + 1 is 3'; echo ok 2; echo why >&2; exit 1")
        self.assert_counts((status, lines), 1, "1 passed, 1 failed, 0 skipped")
        text = "\n".join(lines)
        self.assertIn("not ok: sums\n    # 1 + 1 is 3", text)
        self.assertIn("stderr: why", text)
        self.assertIn("logs: ", text)

    def test_time_and_processor_time(self):
        """The latter with that of children."""
        _, lines = self.run_suites("echo 1..1; sh -c 'while [ $((i += 1)) -lt 600000 ]; do :; done'; "
                                   "sleep 1; echo ok 1")
        seconds, cpu = (float(n) for n in re.search(r"\(([\d.]+) s, CPU ([\d.]+) s\)",
                                                   lines[0]).groups())
        self.assertGreater(cpu, 0)
        self.assertGreaterEqual(seconds, cpu + 0.9)

    def test_skips_have_reasons(self):
        status, lines = self.run_suites("echo 1..2; echo ok 1; echo 'ok 2 - kvm # SKIP no kvm'",
                                        "echo '1..0 # SKIP no nix here'")
        self.assert_counts((status, lines), 0, "1 passed, 0 failed, 2 skipped")
        self.assertIn("skipped: suite/0: kvm: no kvm", lines)
        self.assertIn("skipped: suite/1: all of it: no nix here", lines)


class NotBelieved(RunTest):
    def assert_fault(self, script, fault, counts, **options):
        status, lines = self.run_suites(script, **options)
        self.assert_counts((status, lines), 1, counts)
        self.assertIn(fault, "\n".join(lines))

    def test_fewer_tests_than_planned(self):
        self.assert_fault("echo 1..3; echo ok 1", "planned 3 tests, ran 1",
                          "1 passed, 1 failed, 0 skipped")

    def test_more_tests_than_planned(self):
        self.assert_fault("echo 1..1; echo ok 1; echo ok 2", "planned 1 tests, ran 2",
                          "2 passed, 1 failed, 0 skipped")

    def test_no_plan(self):
        self.assert_fault("echo ok 1", "no plan", "1 passed, 1 failed, 0 skipped")

    def test_two_plans(self):
        self.assert_fault("echo 1..1; echo ok 1; echo 1..1", "more than one plan",
                          "1 passed, 1 failed, 0 skipped")

    def test_no_output(self):
        self.assert_fault("exit 0", "no plan", "0 passed, 1 failed, 0 skipped")

    def test_wrong_number(self):
        self.assert_fault("echo 1..2; echo ok 1; echo ok 3", "test number 3 where 2 is due",
                          "2 passed, 1 failed, 0 skipped")

    def test_exit_status_without_a_failed_test(self):
        self.assert_fault("echo 1..1; echo ok 1; exit 3", "exit status 3, though no test failed",
                          "1 passed, 1 failed, 0 skipped")

    def test_exit_status_0_with_a_failed_test(self):
        self.assert_fault("echo 1..1; echo not ok 1", "exit status 0, though tests failed",
                          "0 passed, 2 failed, 0 skipped")

    def test_crash_after_the_last_test(self):
        self.assert_fault("echo 1..1; echo ok 1; kill -SEGV $$", "killed by SIGSEGV",
                          "1 passed, 1 failed, 0 skipped")

    def test_bail_out(self):
        self.assert_fault("echo 1..1; echo ok 1; echo 'Bail out! no disk'", "Bail out! no disk",
                          "1 passed, 1 failed, 0 skipped")

    def test_program_that_is_not_there(self):
        out = io.StringIO()
        status = run.Runner([run.Suite("gone", ["/nothing-here"], 10)], 1, self.logs, out).run()
        self.assertEqual(status, 1)
        self.assertIn("No such file or directory", out.getvalue())
        self.assertEqual(out.getvalue().splitlines()[-1], "0 passed, 1 failed, 0 skipped")

    def test_time_limit(self):
        start = time.monotonic()
        self.assert_fault("echo 1..1; echo ok 1; sleep 1000", "still running after 1 s",
                          "1 passed, 1 failed, 0 skipped", seconds=1)
        self.assertLess(time.monotonic() - start, 500)

    def test_time_limit_ends_children_too(self):
        pid_file = os.path.join(self.logs, "pid")
        self.assert_fault("sleep 1000 & echo $! >%s; echo 1..1; wait" % pid_file, "still running",
                          "0 passed, 1 failed, 0 skipped", seconds=1)
        with open(pid_file) as f:
            status = "/proc/%s/status" % f.read().strip()
        state = open(status).read() if os.path.exists(status) else "State:\tZ"
        self.assertIn("State:\tZ", state)

    def test_nothing_ran(self):
        self.assert_counts(self.run_suites(), 1, "0 passed, 0 failed, 0 skipped")
        self.assert_counts(self.run_suites("echo '1..0 # SKIP nothing to do'"), 1,
                           "0 passed, 0 failed, 1 skipped")


class Table(unittest.TestCase):
    def test_the_longest_come_first(self):
        names = [s.name for s in run.find_suites(["vm/", "lint/", "nix/", "fuzz/"])]
        self.assertEqual(names[:len(run.LONGEST)], list(run.LONGEST))

    def test_finds_this_suite(self):
        table = run.SUITES
        run.SUITES = tuple(row for row in table if row[0] == "tools")
        try:
            self.assertIn("tools/run", [s.name for s in run.find_suites([])])
            self.assertEqual(run.find_suites(["nothing"]), [])
        finally:
            run.SUITES = table


if __name__ == "__main__":
    main()
