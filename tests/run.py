#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Runs the test suites, shows what failed, and ends with the line "N passed, N failed, N skipped".

    run.py [--jobs N] [--list] [NAME...]

A suite is a program that prints TAP (https://testanything.org/tap-specification.html) on its
standard output. NAME picks the suites whose name contains it. Besides a test that fails, it counts
as a failure when a suite crashes, passes its time limit, runs another number of tests than it
planned, plans none, or says by its exit status that something is wrong. The exit status is 0 when
at least one test ran and none failed.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = os.path.join(ROOT, "build", "test-logs")
SHOWN_LINES = 60        # of a failed suite's stderr

# Those that take longest, in this order: started last, one of them would run alone at the end.
LONGEST = (
    "nix/boot", "lint/analysis", "vm/files", "nix/build", "lint/programs", "fuzz/smoke", "vm/wire",
    "vm/soak", "vm/drives", "vm/cost", "vm/shutdown", "vm/attacks", "vm/snapshots", "vm/rig",
    "vm/network", "vm/output", "vm/idle", "vm/features", "vm/probe", "vm/hardship", "vm/agent_life",
)
# Where suites come from: (name, function of this module that finds them, its argument, seconds).
# The time limit of a suite, generous for a busy machine; not a measurement.
SUITES = (
    ("unit", "meson_suites", "build/meson-unit", 300),
    ("tools", "program_suites", "tests/test_*.py", 120),
    ("lint", "program_suites", "tests/lint/test_*.py", 600),
    ("probe", "program_suites", "tests/probe/test_*.py", 600),
    ("fuzz/smoke", "command_suites", ("tests/fuzz/run", "2"), 900),
    ("ns", "program_suites", "tests/ns/test_*.py", 900),
    ("ns-sanitized", "sanitized_suites", "tests/ns/test_*.py", 900),
    ("nix", "program_suites", "tests/nix/test_*.py", 1800),
    ("vm", "program_suites", "tests/vm/test_*.py", 1800),
)


class Suite:
    """A program to run; seconds is its time limit."""

    def __init__(self, name, command, seconds, environment=None):
        self.name, self.command, self.seconds = name, command, seconds
        self.environment = environment or {}


class Outcome:
    """The result of a suite."""

    def __init__(self, suite):
        self.suite = suite
        self.passed = 0
        self.failures = []      # texts, the first line of each says which
        self.skipped = []       # (test, reason)
        self.seconds = 0.0
        self.cpu_seconds = 0.0  # of the suite, and of its children that it waited for


def has_ended(process, seconds):
    """Waits up to so many seconds for the end of a child, which it leaves to be waited for."""
    try:
        fd = os.pidfd_open(process.pid)
    except ProcessLookupError:      # somebody has waited for it
        return True
    try:
        return bool(select.select([fd], [], [], seconds)[0])
    finally:
        os.close(fd)


def wait_with_usage(process):
    """
    Waits for a child; returns its exit status and the CPU seconds that it and the children took that
    it waited for.
    """
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


def meson_suites(name, build, seconds):
    """The project's own TAP programs in a meson build directory, as its build files list them."""
    r = subprocess.run(["meson", "introspect", "--tests", os.path.join(ROOT, build)], check=False,
                       capture_output=True, text=True)
    if r.returncode != 0:
        sys.exit("run.py: %s: no build there; run: make unit" % build)
    return [Suite("%s/%s" % (name, t["name"]), t["cmd"], seconds, t["env"])
            for t in json.loads(r.stdout) if t["protocol"] == "tap"]


def program_suites(name, pattern, seconds):
    """Programs by a file name pattern; Python's are run by this interpreter."""
    suites = []
    for path in sorted(glob.glob(os.path.join(ROOT, pattern))):
        command = [sys.executable, path] if path.endswith(".py") else [path]
        stem = os.path.splitext(os.path.basename(path))[0]
        suites.append(Suite("%s/%s" % (name, stem.replace("test_", "", 1)), command, seconds))
    return suites


def sanitized_suites(name, pattern, seconds):
    """The same with the init of "make unit", which has ASan and UBSan, in place of the real one."""
    suites = program_suites(name, pattern, seconds)
    for suite in suites:
        suite.environment["NS_INIT"] = os.path.join(ROOT, "build", "meson-unit", "init", "init")
    return suites


def command_suites(name, command, seconds):
    """One suite: a program and its arguments."""
    return [Suite(name, [os.path.join(ROOT, command[0]), *command[1:]], seconds)]


class Tap:
    """The meaning of a suite's output."""

    _RESULT = re.compile(r"(not )?ok\b\s*(\d+)?\s*(?:-\s*)?(.*?)\s*"
                         r"(?:#\s*(skip|todo)\S*\s*(.*))?", re.I)
    _PLAN = re.compile(r"1\.\.(\d+)\s*(?:#\s*skip\S*\s*(.*))?", re.I)

    def __init__(self):
        self.plan = None
        self.skip_all = None    # the reason
        self.count = 0
        self.passed = 0
        self.failures, self.skipped, self.faults = [], [], []

    def read(self, text):
        shown = None            # the failure that comment lines belong to
        for line in text.splitlines():
            if plan := self._PLAN.fullmatch(line.rstrip()):
                self._take_plan(int(plan.group(1)), plan.group(2))
            elif re.match(r"(not )?ok\b", line):
                shown = self._take_result(*self._RESULT.fullmatch(line.rstrip()).groups())
            elif line.startswith("Bail out!"):
                self.faults.append(line)
            elif shown is not None and line.strip():
                self.failures[shown] += "\n" + line
        return self

    def _take_plan(self, count, reason):
        if self.plan is not None:
            self.faults.append("more than one plan")
        self.plan = count
        if count == 0:
            self.skip_all = reason or "no reason given"

    def _take_result(self, failed, number, name, directive, reason):
        self.count += 1
        name = name or "test %d" % self.count
        if number is not None and int(number) != self.count:
            self.faults.append("test number %s where %d is due" % (number, self.count))
        if directive and directive.lower() == "skip":
            self.skipped.append((name, reason or "no reason given"))
        elif not failed:
            self.passed += 1
        elif directive:         # it is expected to fail
            self.skipped.append((name, "expected to fail: %s" % reason))
        else:
            self.failures.append(name)
            return len(self.failures) - 1
        return None

    def check(self, status):
        """Adds what is wrong with the whole; status: the exit status, negative for a signal."""
        if self.plan is None:
            self.faults.append("no plan")
        elif self.plan != self.count:
            self.faults.append("planned %d tests, ran %d" % (self.plan, self.count))
        if status < 0:
            self.faults.append("killed by %s" % signal.Signals(-status).name)
        elif status and not self.failures:
            self.faults.append("exit status %d, though no test failed" % status)
        elif status == 0 and self.failures:
            self.faults.append("exit status 0, though tests failed")
        return self


class Runner:
    """Runs suites, `jobs` at a time, and prints as it goes."""

    def __init__(self, suites, jobs=3, logs=LOGS, out=sys.stdout):
        self._suites, self._jobs, self._logs, self._out = suites, jobs, logs, out
        self._lock = threading.Lock()
        self._processes = set()
        self._stopping = False

    def run(self):
        """Runs them all; returns the exit status."""
        os.makedirs(self._logs, exist_ok=True)
        with concurrent.futures.ThreadPoolExecutor(self._jobs) as pool:
            futures = [pool.submit(self._run_one, s) for s in self._suites]
            try:
                outcomes = [f.result() for f in futures]
            except BaseException:       # interrupted
                self._stop_all()
                raise
        for outcome in outcomes:
            for test, reason in outcome.skipped:
                self._say("skipped: %s: %s: %s" % (outcome.suite.name, test, reason))
        passed = sum(o.passed for o in outcomes)
        failed = sum(len(o.failures) for o in outcomes)
        skipped = sum(len(o.skipped) for o in outcomes)
        self._say("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
        return 1 if failed or passed == 0 else 0

    def _say(self, text):
        with self._lock:
            self._out.write(text + "\n")
            self._out.flush()

    def _log_path(self, suite, suffix):
        return os.path.join(self._logs, suite.name.replace("/", "-") + suffix)

    def _run_one(self, suite):
        outcome = Outcome(suite)
        start = time.monotonic()
        try:
            self._judge(outcome, *self._execute(suite, outcome))
        except Exception as e:          # a program that cannot be started
            outcome.failures.append("%s: %s" % (suite.name, e))
        outcome.seconds = time.monotonic() - start
        self._report(outcome)
        return outcome

    def _execute(self, suite, outcome):
        """Returns the exit status and whether the time limit passed."""
        with open(self._log_path(suite, ".tap"), "wb") as tap, \
                open(self._log_path(suite, ".err"), "wb") as err:
            with self._lock:
                if self._stopping:
                    raise RuntimeError("not started: the run was interrupted")
                process = subprocess.Popen(
                    suite.command, stdin=subprocess.DEVNULL, stdout=tap, stderr=err, cwd=ROOT,
                    env=dict(os.environ, **suite.environment), start_new_session=True)
                self._processes.add(process)
        try:
            ended = has_ended(process, suite.seconds)
            if not ended:
                self._stop(process)
            status, outcome.cpu_seconds = wait_with_usage(process)
            return status, not ended
        finally:
            with self._lock:
                self._processes.discard(process)

    @staticmethod
    def _stop(process):
        """Ends a suite and what it started, kindly at first; the suite's thread waits for it."""
        for number, seconds in ((signal.SIGTERM, 15), (signal.SIGKILL, 0)):
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                return
            has_ended(process, seconds)

    def _stop_all(self):
        with self._lock:
            self._stopping = True
            processes = list(self._processes)
        for process in processes:
            self._stop(process)

    def _judge(self, outcome, status, timed_out):
        with open(self._log_path(outcome.suite, ".tap"), errors="replace") as f:
            tap = Tap().read(f.read())
        if timed_out:
            tap.faults.append("still running after %d s" % outcome.suite.seconds)
        else:
            tap.check(status)
        outcome.passed = tap.passed
        outcome.skipped = tap.skipped
        if tap.skip_all is not None and tap.count == 0:
            outcome.skipped.append(("all of it", tap.skip_all))
        outcome.failures = tap.failures
        if tap.faults:
            outcome.failures.append("the suite itself: " + "; ".join(tap.faults))

    def _report(self, outcome):
        name = outcome.suite.name
        text = "%-4s %s: %d passed" % ("FAIL" if outcome.failures else "ok", name, outcome.passed)
        if outcome.failures:
            text += ", %d failed" % len(outcome.failures)
        if outcome.skipped:
            text += ", %d skipped" % len(outcome.skipped)
        text += " (%.1f s, CPU %.1f s)" % (outcome.seconds, outcome.cpu_seconds)
        for failure in outcome.failures:
            text += "\n  not ok: " + failure.replace("\n", "\n    ")
        if outcome.failures:
            text += "".join("\n  stderr: " + line for line in self._stderr_tail(outcome.suite))
            text += "\n  logs: %s" % os.path.relpath(self._log_path(outcome.suite, ".tap"), ROOT)
        self._say(text)

    def _stderr_tail(self, suite):
        try:
            with open(self._log_path(suite, ".err"), errors="replace") as f:
                return f.read().splitlines()[-SHOWN_LINES:]
        except OSError:
            return []


def find_suites(words):
    """The suites of the table whose name contains one of the words; all without words."""
    found = []
    for name, finder, argument, seconds in SUITES:
        if all("/" in word and not (name + "/").startswith(word.split("/")[0] + "/")
               for word in words) and words:
            continue        # none of these can be meant
        found += globals()[finder](name, argument, seconds)
    found = [s for s in found if not words or any(word in s.name for word in words)]
    place = {name: i for i, name in enumerate(LONGEST)}
    return sorted(found, key=lambda suite: place.get(suite.name, len(LONGEST)))


def main():
    parser = argparse.ArgumentParser(description="Run the test suites.")
    # Many tests wait for time to pass: one more than there are processors keeps them all busy.
    parser.add_argument("--jobs", type=int, default=min(3, (os.cpu_count() or 1) + 1),
                        help="suites at a time (default %(default)s)")
    parser.add_argument("--seconds", type=int, default=0, help="time limit of a suite, at least")
    parser.add_argument("--list", action="store_true", help="print the suites' names and end")
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a suite's name")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # ends the suites, too
    suites = find_suites(arguments.names)
    for suite in suites:
        suite.seconds = max(suite.seconds, arguments.seconds)
    if arguments.list:
        print("\n".join(s.name for s in suites))
        return 0
    return Runner(suites, arguments.jobs).run()


if __name__ == "__main__":
    sys.exit(main())
