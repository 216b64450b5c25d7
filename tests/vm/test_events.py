#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every change of a service's state is an event: exact sequences, and clients that follow them."""
import json
import subprocess

import cases
import protocol
from rig import build, images
from rig.tap import main
from rig.waiting import Deadline

DIR = "/etc/mvm/services.d/"
SECONDS = 60        # no sequence takes as long

UP = ["inactive > waiting: start", "waiting > start: cleared", "start > running: exec"]
UP_WHEN_READY = UP[:2] + ["start > running: ready"]


def config_drive():
    tree = images.Tree()
    tree.file("/security-policy.json", json.dumps({"access": {"debug_exec": True}}), mode=0o444)
    return tree


def in_words(event):
    """'running > stop-sigkill: exited'"""
    return "%(before)s > %(after)s: %(cause)s" % event


class Watch:
    """The events of a guest from a position on, read by long polls."""

    def __init__(self, machine, position=None, service=None):
        self.machine, self.position, self.service = machine, position, service
        self.events = []

    def poll(self, wait_secs=0):
        """Takes the next answer. Returns True when it had events."""
        answer = protocol.ask(self.machine, {"Events": {
            "service": self.service, "position": self.position, "wait_secs": wait_secs}},
            timeout=SECONDS)["Events"]
        if answer["lost"]:
            raise AssertionError("%d events are lost" % answer["lost"])
        self.position = answer["position"]
        self.events += answer["events"]
        return bool(answer["events"])

    def now(self):
        """Skips all events so far; returns self."""
        while self.poll():
            pass
        self.events = []
        return self

    def until(self, name, state, count=1):
        """Reads on until the service has reached this state so many times."""
        deadline = Deadline(SECONDS)
        while sum(1 for e in self.of(name) if e["after"] == state) < count:
            if deadline.passed():
                raise AssertionError("%s is not %s: %s" % (name, state, self.sequence(name)))
            self.poll(wait_secs=10)
        return self

    def of(self, name):
        return [e for e in self.events if e["service"] == name]

    def sequence(self, name):
        return [in_words(e) for e in self.of(name)]

    def merged(self, *names):
        """The events of these services in order."""
        return ["%s: %s" % (e["service"], in_words(e)) for e in self.events
                if e["service"] in names]


class Sequences(cases.SharedBoot):
    root = "squashfs"

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "kill", "sleep")
        guest.service("plain", "/bin/facts sleep")
        guest.service("stubborn", "/bin/facts stubborn", stop_timeout="100ms")
        guest.service("killed", "/bin/facts sleep", restart_delay="100ms")
        guest.service("once", "/bin/facts exit 0", type="oneshot")
        guest.service("once-2", "/bin/facts exit 4", type="oneshot", restart="never")
        guest.service("prepared", "/bin/facts sleep", pre_start="/bin/facts exit 0")
        guest.service("absent", "/bin/absent", restart="never")
        guest.service("broken", "/bin/facts sleep", colour="red")
        # Three levels, and three whose first fails.
        guest.service("db", "/bin/acts notify + /bin/facts sleep", ready="notify")
        guest.service("api", "/bin/acts notify + /bin/facts sleep", ready="notify", requires="db")
        guest.service("web", "/bin/facts echo web is up + sleep", requires="api")
        guest.service("dead-db", "/bin/facts exit 1", ready="notify", restart="never")
        guest.service("dead-api", "/bin/facts sleep", requires="dead-db")
        guest.service("dead-beside", "/bin/facts sleep", after="dead-db")
        guest.service("dead-web", "/bin/facts sleep", requires="dead-api")
        guest.drive("mvm-config", tree=config_drive(), readonly=True)

    @classmethod
    def observe(cls, machine):
        for line in ("web: web is up", "mvm-guest-agent: listening .*"):
            machine.console.rewind()
            machine.console.wait_line(line)
        boot = Watch(machine)
        for name, state in (("web", "running"), ("stubborn", "running"), ("once", "exited"),
                            ("once-2", "failed"), ("prepared", "running"), ("absent", "failed"),
                            ("dead-web", "failed"), ("dead-beside", "running"),
                            ("killed", "running"), ("mvm-guest-agent", "running")):
            boot.until(name, state)
        cls.boot_watch = boot

    def ends(self, watch, name, *causes):
        """(cause, reason, exit code) of the events with these causes."""
        return [(e["cause"], e["reason"], e["exit_code"]) for e in watch.of(name)
                if e["cause"] in causes]

    def test_all_are_numbered(self):
        self.assertEqual([e["number"] for e in self.boot_watch.events],
                         list(range(1, len(self.boot_watch.events) + 1)))
        times = [e["at_ms"] for e in self.boot_watch.events]
        self.assertEqual(times, sorted(times))

    def test_a_service_starts(self):
        for name in ("plain", "stubborn", "mvm-guest-agent", "log-collector"):
            self.assertEqual(self.boot_watch.sequence(name)[:3], UP)
        self.assertEqual(self.boot_watch.sequence("prepared")[:4], [
            "inactive > waiting: start", "waiting > start-pre: cleared",
            "start-pre > start: exited", "start > running: exec"])

    def test_a_oneshot(self):
        self.assertEqual(self.boot_watch.sequence("once"), UP[:2] + [
            "start > stop-sigkill: exited", "stop-sigkill > exited: gone"])
        self.assertEqual(self.ends(self.boot_watch, "once", "exited", "gone"), [
            ("exited", "exit code 0", 0), ("gone", "exit code 0", 0)])

    def test_a_oneshot_that_fails(self):
        self.assertEqual(self.boot_watch.sequence("once-2"), UP[:2] + [
            "start > stop-sigkill: exited", "stop-sigkill > failed: gone"])
        self.assertEqual(self.ends(self.boot_watch, "once-2", "gone"), [("gone", "exit code 4", 4)])

    def test_a_program_that_is_not_there(self):
        self.assertEqual(self.boot_watch.sequence("absent"), UP[:2] + [
            "start > stop-sigkill: exited", "stop-sigkill > failed: gone"])
        self.assertEqual(self.ends(self.boot_watch, "absent", "exited"), [
            ("exited", "exec: No such file or directory", 127)])

    def test_a_file_with_an_error(self):
        (event,) = self.boot_watch.of("broken")
        self.assertEqual(in_words(event), "inactive > failed: cannot run")
        self.assertTrue(event["reason"].startswith(DIR + "broken.ini:"), event)

    def test_three_levels(self):
        order = [e for e in self.boot_watch.merged("db", "api", "web")
                 if not e.endswith("inactive > waiting: start")]
        self.assertEqual(order, [
            "db: waiting > start: cleared", "db: start > running: ready",
            "api: waiting > start: cleared", "api: start > running: ready",
            "web: waiting > start: cleared", "web: start > running: exec"])

    def test_three_levels_of_which_the_first_fails(self):
        order = self.boot_watch.merged("dead-db", "dead-api", "dead-beside", "dead-web")
        self.assertEqual(sorted(order[:5]), [
            "dead-api: inactive > waiting: start", "dead-beside: inactive > waiting: start",
            "dead-db: inactive > waiting: start", "dead-db: waiting > start: cleared",
            "dead-web: inactive > waiting: start"])
        self.assertEqual(order[5:7], [
            "dead-db: start > stop-sigkill: exited", "dead-db: stop-sigkill > failed: gone"])
        self.assertEqual(sorted(order[7:]), [
            "dead-api: waiting > failed: blocked", "dead-beside: start > running: exec",
            "dead-beside: waiting > start: cleared", "dead-web: waiting > failed: blocked"])
        self.assertLess(order.index("dead-api: waiting > failed: blocked"),
                        order.index("dead-web: waiting > failed: blocked"))

    def test_a_service_that_is_killed_backs_off_and_starts_again(self):
        before = self.boot_watch.of("killed")[2]
        watch = Watch(self.machine, service="killed").now()
        protocol.ask(self.machine, {"Exec": {"command": "kill -9 %d" % before["pid"]}})
        watch.until("killed", "running")
        self.assertEqual(watch.sequence("killed"), [
            "running > stop-sigkill: exited", "stop-sigkill > auto-restart: gone",
            "auto-restart > waiting: timeout", "waiting > start: cleared", "start > running: exec"])
        self.assertEqual(self.ends(watch, "killed", "exited", "gone"), [
            ("exited", "signal 9 (Killed)", 137), ("gone", "signal 9 (Killed)", 137)])
        pids = [e["pid"] for e in watch.events]
        self.assertEqual(pids[:4], [before["pid"], None, None, None])
        self.assertNotIn(pids[4], (None, before["pid"]))
        delay = watch.events[2]["at_ms"] - watch.events[1]["at_ms"]
        self.assertGreaterEqual(delay, 90)

    def restarted(self, name):
        watch = Watch(self.machine, service=name).now()
        answer = protocol.ask(self.machine, {"Restart": {"service": name}}, timeout=SECONDS)
        self.assertEqual(answer, {"RestartResult": {"success": True, "detail": None}})
        return watch.until(name, "running")

    def test_a_service_stops_and_restarts_by_hand(self):
        watch = self.restarted("plain")
        self.assertEqual(watch.sequence("plain"), [
            "running > stop-sigterm: restart", "stop-sigterm > waiting: gone",
            "waiting > start: cleared", "start > running: exec"])
        self.assertEqual(self.ends(watch, "plain", "gone"), [
            ("gone", "signal 15 (Terminated)", 143)])

    def test_a_service_does_not_stop_on_term(self):
        watch = self.restarted("stubborn")
        self.assertEqual(watch.sequence("stubborn"), [
            "running > stop-sigterm: restart", "stop-sigterm > stop-sigkill: timeout",
            "stop-sigkill > waiting: gone", "waiting > start: cleared", "start > running: exec"])

    def test_the_agent_is_restarted_while_it_is_followed(self):
        """mvm-probe loses its connection but no event, not even the agent's own."""
        position = Watch(self.machine).now().position
        follower = subprocess.Popen(
            [build.built("mvm-probe"), "events", "-fj", "-t", "60s", self.machine.vsock_path],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(follower.wait)
        self.addCleanup(follower.stdout.close)
        self.addCleanup(follower.kill)

        def agent_until(state):
            seen = []
            while not seen or seen[-1]["after"] != state:
                event = json.loads(follower.stdout.readline())
                if event["number"] >= position and event["service"] == "mvm-guest-agent":
                    seen.append(event)
            return [in_words(e) for e in seen]

        with self.machine.connect(protocol.PORT) as s:
            s.sendall(protocol.frame(json.dumps({"Restart": {"service": "mvm-guest-agent"}})))
            self.assertEqual(agent_until("running"), [
                "running > stop-sigterm: restart", "stop-sigterm > waiting: gone",
                "waiting > start: cleared", "start > running: exec"])


class ReloadEvents(cases.GuestCase):
    """One service starts, one stops, one restarts, one is not touched."""

    def booted(self):
        guest = self.guest("ext4")
        cases.add_remote(guest)
        guest.busybox("printf", "rm")
        guest.service("keep", "/bin/facts sleep")
        guest.service("change", "/bin/facts sleep")
        guest.service("gone", "/bin/facts sleep")
        guest.service("breaks", "/bin/facts sleep")
        guest.drive("mvm-config", tree=config_drive(), readonly=True)
        machine = self.boot(guest)
        machine.console.wait_line("mvm-guest-agent: listening .*")
        watch = Watch(machine)
        for name in ("keep", "change", "gone", "breaks", "mvm-guest-agent"):
            watch.until(name, "running")
        return machine, watch

    def write(self, machine, name, text):
        self.do(machine, "printf '[service]\\n%s\\n' >%s%s.ini" % (text, DIR, name))

    def reload(self, machine, status=0):
        done = subprocess.run([build.built("mvm-probe"), "reload", "-j", machine.vsock_path],
                              stdout=subprocess.PIPE, text=True, check=False, timeout=SECONDS)
        self.assertEqual(done.returncode, status, done.stdout)
        return json.loads(done.stdout)

    def test_what_a_reload_does(self):
        machine, watch = self.booted()
        pid = watch.of("keep")[-1]["pid"]
        self.write(machine, "change", "command = /bin/facts echo other + sleep")
        self.write(machine, "new", "command = /bin/facts sleep")
        self.write(machine, "breaks", "colour = red")
        self.do(machine, "rm %sgone.ini" % DIR)
        watch.now()
        result = self.reload(machine, status=1)
        bad = result.pop("bad")
        self.assertEqual({k: result[k] for k in ("success", "started", "stopped", "restarted",
                                                 "unchanged", "error")},
                         {"success": False, "started": 1, "stopped": 1, "restarted": 1,
                          "unchanged": 3, "error": None})        # keep, breaks and remote
        self.assertEqual(len(bad), 1)
        self.assertTrue(bad[0].startswith("breaks: %sbreaks.ini:2: unknown key 'colour'" % DIR), bad)
        # The answer came after all of this.
        watch.poll()
        self.assertEqual(watch.sequence("new"), UP)
        self.assertEqual(watch.sequence("gone"), [
            "running > stop-sigterm: stop", "stop-sigterm > inactive: gone"])
        self.assertEqual(watch.sequence("change"), [
            "running > stop-sigterm: stop", "stop-sigterm > inactive: gone"] + UP)
        self.assertEqual({e["service"] for e in watch.events}, {"new", "gone", "change"})
        services = {s["name"]: s for s in protocol.ask(machine, "Services")["Services"]["services"]}
        self.assertEqual((services["keep"]["state"], services["keep"]["pid"]), ("running", pid))
        self.assertNotIn("gone", services)
        # Nothing has changed since, and a bad file is repaired.
        self.write(machine, "breaks", "command = /bin/facts sleep")
        watch.now()
        result = self.reload(machine)
        self.assertEqual([result[k] for k in ("success", "started", "stopped", "restarted",
                                              "unchanged", "bad")],
                         [True, 0, 0, 1, 4, []])
        watch.poll()
        self.assertEqual({e["service"] for e in watch.events}, {"breaks"})

    def test_the_answer_waits_for_what_is_slow(self):
        """One service is slow to stop, another slow to become ready."""
        machine, watch = self.booted()
        self.write(machine, "slow",
                   "command = /bin/acts nap 700 + notify + /bin/facts sleep\\nready = notify")
        watch.now()
        self.assertTrue(self.reload(machine)["success"])
        watch.poll()
        self.assertEqual(watch.sequence("slow"), UP_WHEN_READY)

    def test_a_changed_file_with_an_unknown_user(self):
        """The service cannot run from then on; its earlier output is still collected."""
        machine, watch = self.booted()
        self.write(machine, "change", "command = /bin/facts sleep\\nuser = stranger")
        watch.now()
        result = self.reload(machine, status=1)
        self.assertEqual((result["restarted"], len(result["bad"])), (1, 1))
        self.assertIn("stranger", result["bad"][0])
        watch.poll()
        self.write(machine, "new", "command = /bin/facts echo here + sleep")
        self.reload(machine, status=1)
        machine.console.wait_line("new: here")
        self.assertEqual(watch.sequence("change"), [
            "running > stop-sigterm: stop", "stop-sigterm > inactive: gone",
            "inactive > failed: cannot run"])

    def test_new_services_start_in_their_order(self):
        machine, watch = self.booted()
        self.write(machine, "a-last", "command = /bin/facts sleep\\nrequires = b-first")
        self.write(machine, "b-first",
                   "command = /bin/acts notify + /bin/facts sleep\\nready = notify")
        watch.now()
        self.assertEqual(self.reload(machine)["started"], 2)
        watch.poll()
        self.assertEqual(watch.merged("a-last", "b-first"), [
            "a-last: inactive > waiting: start", "b-first: inactive > waiting: start",
            "b-first: waiting > start: cleared", "b-first: start > running: ready",
            "a-last: waiting > start: cleared", "a-last: start > running: exec"])

    def test_a_later_reload_ends_the_wait_of_an_earlier_one(self):
        """Requests that wait for a service that never gets ready must not use up PID 1's jobs."""
        machine, watch = self.booted()
        self.write(machine, "never",
                   "command = /bin/facts sleep\\nready = notify\\nstart_timeout = 0")
        clients = []
        for _ in range(12):
            s = machine.connect(protocol.PORT)
            self.addCleanup(s.close)
            s.settimeout(SECONDS)
            s.sendall(protocol.frame("\"Reload\""))
            clients.append(s)
        answers = [json.loads(protocol.read_frame(s))["ReloadResult"] for s in clients]
        self.assertEqual(sorted((a["started"], a["detail"] or "") for a in answers),
                         11 * [(0, "")] + [(1, "replaced by a later reload")])
        watch.until("never", "start")
        self.assertIn("services", protocol.ask(machine, "Services")["Services"])


if __name__ == "__main__":
    main()
