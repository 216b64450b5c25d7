#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every verb of mvm-probe against a guest, over the real path: hybrid socket, vsock, agent, PID 1."""
import json
import os
import re
import subprocess
import tempfile

import cases
import protocol
from rig import build, images
from rig.tap import main

SECONDS = 90        # no answer takes as long; a test that waits for it has failed


def config_drive(debug):
    """The files of a config drive, as hosts write them."""
    tree = images.Tree()
    tree.file("/security-policy.json", json.dumps({"access": {"debug_exec": debug}}), mode=0o444)
    tree.file("/mvm-env.env", "WORD=from the drive\n", mode=0o444)
    return tree


class Probe:
    """Runs mvm-probe; the machine's socket takes the place of TARGET among the arguments."""

    def probe(self, *arguments, status=0, **options):
        path = self.machine.vsock_path
        command = [build.built("mvm-probe")] + [path if a == "TARGET" else a for a in arguments]
        options.setdefault("stdin", None if "input" in options else subprocess.DEVNULL)
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=SECONDS, check=False, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        done.stdout = done.stdout.replace(path, "TARGET")
        done.stderr = done.stderr.replace(path, "TARGET")
        return done

    def json(self, *arguments, **options):
        return json.loads(self.probe(*arguments, "--json", "TARGET", **options).stdout)


class ProbeVerbs(Probe, cases.SharedBoot):
    root = "squashfs"

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "echo", "cat", "wc", "seq", "sleep", "id", "false", "true")
        guest.service("web", "sleep 100000")
        guest.service("talker", "sh -c 'echo one; echo two; echo three; exec sleep 100000'")
        guest.service("burst", "sh -c 'seq 10000 19000; exec sleep 100000'")
        guest.integration("web", health_cmd="true", health_interval_secs=1, checkpoint_cmd="true")
        guest.integration("mail", checkpoint_cmd="echo locked >&2; false")
        guest.probe("disk", cmd="echo '{\"pct\": 41}'", output_format="json", interval_secs=1)
        guest.drive("mvm-config", tree=config_drive(debug=True), readonly=True)

    @classmethod
    def observe(cls, machine):
        """The suite begins when mvm-probe says so: it waits from before the guest's first line."""
        subprocess.run([build.built("mvm-probe"), "wait", "--timeout", "%ds" % SECONDS,
                        machine.vsock_path], check=True, stdout=subprocess.DEVNULL)

    def test_ping(self):
        self.assertRegex(self.probe("ping", "TARGET").stdout,
                         r"^TARGET: alive, answered in \d+\.\d{3} ms\n$")

    def test_status(self):
        status = self.json("status")
        self.assertTrue(status["healthy"])
        checks = {c["name"]: c for c in status["integrations"] + status["probes"]}
        self.assertEqual(set(checks), {"web", "mail", "disk"})
        self.assertEqual((checks["web"]["healthy"], checks["web"]["status"]), (True, "active"))
        self.assertIsNone(checks["mail"]["healthy"], "nothing checks it")
        self.assertEqual(checks["disk"]["output"], {"pct": 41})
        self.assertIn("2/2 healthy", self.probe("status", "TARGET").stdout)

    def test_status_beside_a_guest_that_is_not_there(self):
        done = self.probe("status", "TARGET", "/nonexistent/v.sock", status=3)
        self.assertIn("2/2 healthy", done.stdout)
        self.assertIn("no such socket: is the VM running?", done.stderr)

    def test_another_port(self):
        self.assertIn("nothing listens on port 4711 in the guest",
                      self.probe("ping", "--port", "4711", "TARGET", status=3).stderr)

    def test_hello(self):
        hello = self.json("hello")
        self.assertEqual(hello["protocol"], 1)
        self.assertEqual(hello["agent"], hello["init"])
        self.assertLessEqual({"Ping", "Exec", "Services", "Shutdown"}, set(hello["requests"]))

    def test_services(self):
        services = {s["name"]: s for s in self.json("services")["services"]}
        self.assertLessEqual({"web", "talker", "mvm-guest-agent"}, set(services))
        self.assertEqual((services["web"]["state"], services["web"]["uid"]), ("running", 900))
        self.assertTrue(services["mvm-guest-agent"]["built_in"])
        self.assertRegex(self.probe("services", "TARGET").stdout, r"(?m)^web +running ")

    def test_boot(self):
        boot = self.json("boot")
        names = [s["name"] for s in boot["stages"]]
        self.assertEqual(names[0], "kernel")
        self.assertTrue(all(s["success"] for s in boot["stages"]), boot)
        self.assertGreater(boot["all_healthy_us"], boot["stages"][-1]["start_us"])

    def test_metrics(self):
        text = self.probe("metrics", "TARGET").stdout
        self.assertTrue(text.endswith("# EOF\n"))
        self.assertRegex(text, r"(?m)^mvm_up\{.*\} 1$")
        self.assertRegex(text, r'(?m)^mvm_service_running\{.*service="web"\} 1$')
        self.assertRegex(text, r"(?m)^mvm_integrations_healthy\{.*\} 1$")
        for line in text.splitlines():
            self.assertRegex(line, r'^# |^mvm_\w+\{vm="[^"]*",target="[^"]*"(,service="[^"]*")?\} '
                                   r'\d+(\.\d+)?$')

    def test_logs(self):
        self.assertEqual(self.probe("logs", "TARGET", "talker").stdout, "one\ntwo\nthree\n")
        self.assertEqual(self.probe("logs", "-n", "1", "TARGET", "talker").stdout, "three\n")
        self.assertIn("no such service", self.probe("logs", "TARGET", "x", status=1).stderr)

    def test_logs_of_all_services(self):
        lines = [json.loads(line) for line in
                 self.probe("logs", "--json", "-n", "2", "TARGET").stdout.splitlines()]
        self.assertEqual([(line["service"], line["line"]) for line in lines if line["service"]
                          in ("talker", "burst")],
                         [("burst", "18999"), ("burst", "19000"), ("talker", "two"),
                          ("talker", "three")])
        for line in lines:
            self.assertRegex(line["time"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(self.probe("logs", "--since", "2199-01-01T00:00:00Z", "TARGET",
                                    "talker").stdout, "")
        self.assertEqual(self.probe("logs", "--since", "1971-01-01T00:00:00Z", "TARGET",
                                    "talker").stdout, "one\ntwo\nthree\n")

    def test_logs_from_a_position_are_complete(self):
        """More than fits an answer: 54 kB."""
        with tempfile.TemporaryDirectory() as directory:
            state = os.path.join(directory, "positions")
            with open(state, "w", encoding="utf-8") as f:
                json.dump({self.machine.vsock_path: {"booted_at_ms": 10 ** 14,
                                                     "services": {"burst": 6}}}, f)
            arguments = ("logs", "--state", state, "TARGET", "burst")
            self.assertEqual([line.split(": ")[1] for line in
                              self.probe(*arguments).stdout.splitlines()],
                             [str(n) for n in range(10001, 19001)])
            self.assertEqual(self.probe(*arguments).stdout, "")

    def test_exec(self):
        words = ["/bin/echo", "a b", "$HOME", "it's", "*", ""]
        self.assertEqual(self.probe("exec", "TARGET", "--", *words).stdout,
                         " ".join(words[1:]) + "\n")
        self.assertEqual(self.probe("exec", "-c", "cat | wc -c; exit 7", "TARGET", status=7,
                                    input="five\n").stdout.strip(), "5")
        self.assertRegex(self.probe("exec", "TARGET", "id").stdout, r"^uid=900\(")
        self.probe("exec", "-t", "1s", "TARGET", "sleep", "1000", status=124)

    def test_checkpoint(self):
        self.assertEqual(self.probe("checkpoint", "TARGET", "web").stdout,
                         "TARGET: done: checkpointed web\n")
        done = self.probe("checkpoint", "--json", "TARGET", "web", "mail", "x", status=1)
        self.assertEqual(set(json.loads(done.stdout)["failed"]), {"mail", "x"})
        entry = next(i for i in self.json("status")["integrations"] if i["name"] == "web")
        self.assertRegex(entry["last_checkpoint_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_restart(self):
        def pid():
            return {s["name"]: s["pid"] for s in self.json("services")["services"]}["web"]

        before = pid()
        self.probe("restart", "TARGET", "web")
        self.assertNotEqual(pid(), before)
        self.assertIn("no such service", self.probe("restart", "TARGET", "x", status=1).stdout)


class ProbeDoctor(Probe, cases.SharedBoot):
    """A guest with as much wrong as one can have."""

    oom = True
    WRONG = {"failing-check", "crash-loop", "unknown-user", "missing-interpreter",
             "out-of-memory", "drive-full", "wrong-clock", "no-network"}

    @classmethod
    def prepare(cls, guest):
        guest.network = False
        guest.busybox("sh", "echo", "sleep", "false", "date", "df", "ip", "dd", "tail")
        guest.service("web", "sleep 100000")
        guest.service("loops", "sh -c 'echo broken pipe; exit 3'", restart="always",
                      restart_delay="100ms")
        guest.service("stranger", "sleep 100000", user="nobody-here")
        guest.tree.file("/srv/run", "#!/bin/no-shell\n", mode=0o755)
        guest.service("script", "/srv/run", restart="never")
        guest.service("eats", "tail /dev/zero", memory_max="8M", restart="never")
        guest.service("fills", "dd if=/dev/zero of=/mnt/data/full bs=64k", user="root",
                      restart="never")
        guest.service("resets-clock", "date -s '2020-01-01 00:00:00'", user="root",
                      restart="never")
        guest.integration("web", health_cmd="false", health_interval_secs=1)
        guest.drive("mvm-config", tree=config_drive(debug=True), readonly=True)
        guest.drive("mvm-data", size_mib=8)

    @classmethod
    def observe(cls, machine):
        """Some of it takes a while to show."""
        def kinds():
            done = subprocess.run([build.built("mvm-probe"), "doctor", "--json", machine.vsock_path],
                                  check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            found = json.loads(done.stdout)["findings"] if done.returncode == 4 else []
            return {f["kind"] for f in found}
        protocol.until(kinds, lambda found: cls.WRONG <= found, SECONDS)

    def test_each_is_found(self):
        found = self.json("doctor", status=4)["findings"]
        self.assertLessEqual(self.WRONG, {f["kind"] for f in found}, found)

    def test_inspect(self):
        page = self.probe("inspect", "TARGET", status=4).stdout
        self.assertIn("Last output of loops:\n  broken pipe\n", page)
        self.assertRegex(page, r"(?m)^DRIVES +/")


class ProbeLife(Probe, cases.GuestCase):
    """What a guest does not outlive, or not unchanged, has a guest for itself."""

    def start_guest(self, debug=True, **options):
        guest = self.guest("squashfs")
        guest.busybox("sh", "echo", "sleep")
        guest.service("talker", "sh -c 'echo begin; exec sleep 100000'")
        guest.drive("mvm-config", tree=config_drive(debug), readonly=True)
        self.machine = self.boot(guest, **options)
        self.probe("wait", "--timeout", "%ds" % SECONDS, "TARGET")

    def test_a_snapshot_and_the_way_back(self):
        self.start_guest()
        follower = subprocess.Popen(
            [build.built("mvm-probe"), "logs", "-f", self.machine.vsock_path, "talker"],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(follower.wait)
        self.addCleanup(follower.stdout.close)
        self.addCleanup(follower.kill)
        self.assertEqual(follower.stdout.readline(), "begin\n")
        self.assertRegex(self.probe("sleep-prep", "-d", "20", "TARGET").stdout, "^TARGET: done")
        self.machine.pause()
        self.assertIn("timed out", self.probe("ping", "-t", "300ms", "TARGET", status=3).stderr)
        self.machine.resume()
        self.assertRegex(self.probe("wake", "TARGET").stdout, "^TARGET: done")
        self.assertRegex(self.probe("post-restore", "TARGET").stdout, "^TARGET: done: .*services")
        self.assertEqual(follower.stdout.readline(), "begin\n", "it was started again")

    def test_shutdown_and_the_end(self):
        self.start_guest()
        self.assertEqual(self.probe("shutdown", "--wait", "-t", "60s", "TARGET").stdout,
                         "TARGET: done\n")
        self.machine.wait(60)
        self.assertIn("[init] goodbye", self.machine.console.text)

    def test_doctor_sees_a_killed_agent_and_a_drive_that_is_not_there(self):
        guest = self.guest("squashfs")
        guest.busybox("sh", "echo", "date", "df", "ip", "false", "head", "kill", "sleep")
        guest.service("broken", "false", restart="never")
        guest.tree.file("/bin/agent", "#!/bin/sh\nexec kill -$1 $(head -n 1 /sys/fs/cgroup/guest/"
                        "mvm-guest-agent/cgroup.procs)\n", mode=0o755)
        cases.add_remote(guest)
        guest.drive("mvm-config", tree=config_drive(debug=True), readonly=True)
        self.machine = self.boot(guest)
        self.machine.console.wait_line("mvm-guest-agent: listening .*")
        self.do(self.machine, "agent KILL")
        self.machine.console.wait_line("mvm-guest-agent: listening .*")
        found = {f["kind"]: f["weight"] for f in self.json("doctor", status=4)["findings"]}
        self.assertEqual((found["agent-restarting"], found["drive-missing"]),
                         ("warning", "warning"), found)

    def test_without_leave(self):
        self.start_guest(debug=False)
        for verb, status, *rest in (("exec", 125, "true"), ("restart", 1, "talker"),
                                    ("shutdown", 1)):
            with self.subTest(verb):
                done = self.probe(verb, "TARGET", *rest, status=status)
                self.assertTrue(re.search("debug_exec not enabled", done.stderr), done.stderr)
        self.probe("ping", "TARGET")


if __name__ == "__main__":
    main()
