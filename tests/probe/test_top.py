#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""top, and --watch: on a real terminal, and where the output is none."""
import os
import re
import signal
import subprocess
import termios
import unittest

import fakes
from fakes import probe, service
from rig.tap import main
from terminal import Terminal

UP, DOWN, PAGE_DOWN = "\x1b[A", "\x1b[B", "\x1b[6~"


def busy(**cpu_ms):
    """Metrics of a guest whose services use so many milliseconds more at each question."""
    used = dict.fromkeys(cpu_ms, 0)

    def answer(_):
        for name, ms in cpu_ms.items():
            used[name] += ms * 1000
        metrics = dict(fakes.HEALTHY["Metrics"]["Metrics"])
        metrics["services"] = [service(name, cpu_us=used[name], memory_bytes=n << 20)
                               for n, name in enumerate(cpu_ms, 1)]
        return {"Metrics": metrics}
    return answer


class Fleet(unittest.TestCase):
    def setUp(self):
        self.fleet = fakes.Fleet(["vm0", "vm1", "vm2"]).__enter__()
        self.addCleanup(self.fleet.__exit__, None, None, None)
        self.fleet.guests["vm0"].answers["Metrics"] = busy(calm=1, wild=90)
        self.fleet.guests["vm1"].answers["Metrics"] = busy(middle=40)
        self.fleet.guests["vm2"].answers["Metrics"] = {"Error": {"message": "no\x1b[2J"}}

    def terminal(self, *arguments, **options):
        terminal = Terminal([fakes.PROBE, *arguments], **options)
        self.addCleanup(terminal.__exit__, None, None, None)
        return terminal

    def top(self, *arguments, **options):
        return self.terminal("top", "--interval", "100ms", *arguments, self.fleet.directory,
                             **options)


def services(model):
    """The second word of each line of the table."""
    return [line.split()[1] for line in model.lines()[2:-1] if line]


class Top(Fleet):
    def test_the_busiest_first_and_keys_that_sort(self):
        with self.top() as t:
            t.wait_for(lambda m: services(m) == ["wild", "middle", "calm", "unreachable"],
                       "order by processor time")
            self.assertRegex(t.model.lines()[0], r"^3 VMs, 1 silent; 3 services, 0 not well; \S+Z$")
            self.assertRegex(t.model.text(), r"vm2 +unreachable .*answered: no\\x1b\[2J")
            self.assertIn("s sort (CPU%)", t.model.lines()[-1])
            t.type("s")
            t.wait_for(lambda m: services(m) == ["wild", "calm", "middle", "unreachable"] and
                       "(MEMORY)" in m.text(), "order by memory")
            t.type("ssss")      # past TASKS, RESTARTS and DETAIL: as it is
            t.wait_for_text("(as it is)")
            t.type("s")
            t.wait_for_text("s sort (VM)")
            self.assertEqual(services(t.model), ["calm", "wild", "middle", "unreachable"])
            t.type("q")
            self.assertEqual(t.end(), 1, "one guest refused")

    def test_the_terminal_is_given_back(self):
        for how in ("q", "\x03", signal.SIGTERM, signal.SIGINT):
            with self.subTest(how), self.top() as t:
                t.wait_for_text("wild")
                self.assertTrue(t.model.is_alternate and t.model.is_cursor_hidden)
                self.assertNotEqual(termios.tcgetattr(t.slave), t.before)
                if isinstance(how, str):
                    t.type(how)
                else:
                    t.process.send_signal(how)
                self.assertEqual(t.end(), 1)
                self.assertFalse(t.model.is_alternate or t.model.is_cursor_hidden)
                self.assertEqual(termios.tcgetattr(t.slave), t.before)

    def test_only_lines_that_differ_are_written(self):
        for guest in ("vm0", "vm1", "vm2"):
            self.fleet.guests[guest].answers["Metrics"] = fakes.HEALTHY["Metrics"]
        with self.top() as t:
            t.wait_for(lambda m: " 0.0 " in m.text(), "a second round")
            seen = len(t.written)
            asked = len(self.fleet.guests["vm0"].requests)
            t.wait_for(lambda _: len(self.fleet.guests["vm0"].requests) > asked + 15, "rounds")
            later = "".join(t.written[seen:])
            self.assertEqual(set(re.findall(r"\x1b\[(\d+);1H", later)), {"1"}, "the clock only")
            self.assertEqual(t.model.clears, 1, "at the start")

    def test_another_size(self):
        with self.top(cols=100, rows=20) as t:
            t.wait_for_text("DETAIL")
            t.resize(30, 4)
            t.wait_for(lambda m: m.lines()[-1].startswith("q quit") and services(m) == ["wild"],
                       "a small page")
            self.assertNotIn("DETAIL", t.model.text())
            t.resize(100, 20)
            t.wait_for_text("DETAIL")
            t.wait_for(lambda m: len(services(m)) == 4, "all lines")

    def test_more_lines_than_rows(self):
        self.fleet.guests["vm1"].answers["Metrics"] = busy(**{"s%02d" % n: 0 for n in range(30)})
        with self.top(rows=10) as t:
            t.type("sssss")
            t.wait_for(lambda m: "(as it is)" in m.text() and services(m)[0] == "calm", "the top")
            self.assertEqual(len(services(t.model)), 7)
            t.type(PAGE_DOWN)
            t.wait_for(lambda m: services(m)[-1] == "s08", "the tenth service")
            t.type(UP * 9)
            t.wait_for(lambda m: services(m)[0] == "wild", "the second service")
            t.type(PAGE_DOWN * 10)
            t.wait_for(lambda m: services(m)[-1] == "unreachable", "the end")
            self.assertIn("vm2", t.model.lines()[-2])

    def test_kill_and_restart(self):
        asked = []
        self.fleet.guests["vm1"].answers["Restart"] = lambda fields: (
            asked.append(fields), {"RestartResult": {"success": True, "detail": None}})[1]
        self.fleet.guests["vm0"].answers["Restart"] = {
            "RestartResult": {"success": False, "detail": "not allowed"}}
        with self.top() as t:
            t.wait_for(lambda m: services(m)[:2] == ["wild", "middle"], "the order")
            t.type("k")
            t.wait_for_text("kill and restart wild of vm0? y/n")
            t.type("n")
            t.wait_for_text("q quit")
            t.type("ky")
            t.wait_for_text("not restarted: wild: not allowed")
            t.type(DOWN + "k")
            t.wait_for_text("kill and restart middle of vm1? y/n")
            t.type("y")
            t.wait_for_text("restarted: middle")
            self.assertEqual(asked, [{"service": "middle"}])
            t.type(DOWN * 9 + "k")
            t.wait_for_text("q quit")       # a guest that is silent has nothing to restart
            t.type("q")
            t.end()
            self.assertEqual(asked, [{"service": "middle"}])

    def test_colours(self):
        self.fleet.guests["vm1"].answers["Metrics"] = {"Metrics": dict(
            fakes.HEALTHY["Metrics"]["Metrics"], services=[service("bad", "failed")])}
        with self.top() as t:
            t.wait_for_text("bad")
            t.type(DOWN)
            t.wait_for(lambda m: "31" in m.styles, "red")
        with self.top(NO_COLOR="1") as t:
            t.wait_for_text("bad")
            t.type(DOWN)
            t.wait_for(lambda m: any("7" in row for row in m.marked[3:5]), "the choice")
            self.assertEqual({s for s in t.model.styles if s.startswith(("3", "4", "9"))}, set())

    def test_vms_come_and_go(self):
        with self.top() as t:
            t.wait_for_text("3 VMs")
            self.fleet.start("vm3")
            t.wait_for_text("4 VMs")
            self.fleet.stop("vm3")
            t.wait_for_text("3 VMs")


class Plain(Fleet):
    def test_one_table_after_another(self):
        done = probe("top", "--rounds", "2", "--interval", "100ms", self.fleet.directory, status=1)
        self.assertNotIn("\x1b", done.stdout)
        self.assertNotIn("\1", done.stdout)
        tables = done.stdout.split("\n\n")
        self.assertEqual(len(tables), 2)
        self.assertEqual([line.split()[1] for line in tables[1].splitlines()[2:]],
                         ["wild", "middle", "calm", "unreachable"])

    def test_it_ends_with_its_reader(self):
        process = subprocess.Popen([fakes.PROBE, "top", "--interval", "100ms",
                                    self.fleet.directory], stdout=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        process.wait(fakes.SECONDS)

    def test_a_terminal_that_can_do_nothing(self):
        t = self.terminal("top", "--rounds", "1", self.fleet.directory, TERM="dumb")
        t.end()
        self.assertNotIn("\x1b", "".join(t.written))

    def test_what_does_not_go_together(self):
        self.assertIn("--watch and --json do not go together",
                      probe("status", "--watch", "--json", "x", status=2).stderr)
        self.assertIn("--interval is not for 'ping'",
                      probe("ping", "--interval", "1s", "x", status=2).stderr)
        self.assertIn("is not a time from 100ms", probe("top", "--interval", "1ms", "x",
                                                     status=2).stderr)


class Watch(Fleet):
    def test_status_of_many(self):
        with self.terminal("status", "--watch", "--interval", "100ms",
                           self.fleet.directory) as t:
            t.wait_for_text("vm2  idle    never      1/1 healthy")
            self.fleet.guests["vm1"].answers["IntegrationStatus"] = {
                "IntegrationStatusReport": {"integrations": [
                    fakes.integration("web", healthy=False, detail="down")]}}
            t.wait_for_text("vm1  idle    never      0/1 healthy")
            t.wait_for(lambda m: "31" in m.marked[2], "red")
            self.fleet.stop("vm1")
            t.wait_for(lambda m: "vm1" not in m.text(), "one less")
            t.type("q")
            self.assertEqual(t.end(), 0, "of the last round")

    def test_status_of_one(self):
        guest = self.fleet.guests["vm0"]
        with self.terminal("status", "--watch", "--interval", "100ms", self.fleet.path("vm0"),
                           rows=8) as t:
            t.wait_for_text("HEALTH     1/1 healthy")
            guest.answers["IntegrationStatus"] = {"IntegrationStatusReport": {"integrations": [
                fakes.integration("b"), fakes.integration("a")]}}
            t.wait_for_text("2/2 healthy")
            t.wait_for(lambda m: m.lines()[6].startswith("b "), "the guest's order")
            t.type("s")
            t.wait_for(lambda m: m.lines()[6].startswith("a "), "by name")
            t.type(DOWN)
            t.wait_for(lambda m: m.lines()[6].startswith("b "), "the last line")
            os.rename(guest.path, guest.path + "-")
            t.wait_for_text("no such socket")
            os.rename(guest.path + "-", guest.path)
            t.wait_for_text("2/2 healthy")
            t.type("q")
            self.assertEqual(t.end(), 0)

    def test_services(self):
        self.fleet.guests["vm0"].answers["Services"] = {"Services": {"services": [
            service("small", memory_bytes=5), service("large", memory_bytes=1 << 30),
            service("gone", "failed", memory_bytes=None)]}}
        with self.terminal("services", "--watch", "--interval", "100ms",
                           self.fleet.path("vm0")) as t:
            t.wait_for(lambda m: [l.split(" ")[0] for l in m.lines()[1:4]] ==
                       ["small", "large", "gone"], "the guest's order")
            t.wait_for(lambda m: "31" in m.marked[3], "red")
            t.type("s" * 8)
            t.wait_for(lambda m: "(MEMORY)" in m.text() and [
                l.split(" ")[0] for l in m.lines()[1:4]] == ["large", "small", "gone"], "by memory")
        done = probe("services", "--rounds", "1", self.fleet.directory, status=1)
        self.assertIn("/vm1:\n", done.stdout)


if __name__ == "__main__":
    main()
