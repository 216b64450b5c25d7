#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Snapshots: the guest's processors stop, its config and secrets drives get new contents, and it goes
on. By every way of waking it, the guest uses the new contents before the answer comes.
"""
import json
import re
import select

import cases
import mvm_client
import mvm_types
import protocol
import test_agent_life
from rig import images
from rig.tap import main

PATIENCE_S = 120        # a longer wait means that no answer came
LEAP_S = 12
# Seconds of checks that begin together: while LEAP_S pass after the second of "middle", first
# "seldom" is due and four seconds later "middle".
INTERVALS = (("often", 1), ("middle", 10), ("seldom", 16))
OLD, NEW = "172.16.0.2", "172.16.0.77"
# A program that reads a secret until it is the new one, and a few times more. At both ends of its
# line is the same word, or it is torn.
READER = ("more=20; while [ $more -gt 0 ]; do read -r a b c </mnt/secrets/key || echo missing; "
          "[ \"$a\" = \"$c\" ] && [ ${#b} = 3000 ] || echo torn $a $c; "
          "[ \"$a\" = \"$was\" ] || { echo sees $a; echo >/tmp/sees-$a; }; was=$a; [ $a = old ] || more=$((more - 1)); done")


def leap_end(times):
    """The first of the times after the longest pause."""
    return max(zip(times, times[1:]), key=lambda pair: pair[1] - pair[0])[1]


def secrets(word):
    line = "%s %s %s\n" % (word, word[0] * 3000, word)
    return images.Tree().file("/key", line, mode=0o400).file("/.env", word + "\n", mode=0o400)


def config(word, address):
    host = {"guest_ip": address, "instance_id": "i-1", "role": "worker"}
    return (images.Tree().file("/config.json", json.dumps(host), mode=0o444)
            .file("/security-policy.json", "{\"access\":{\"debug_exec\":true}}", mode=0o444)
            .file("/random-seed", word * 16, mode=0o400)
            .file("/mvm-env.env", "export WORD=%s\n" % word, mode=0o444))


class Snapshots(cases.GuestCase):
    """The drives change while the guest is stopped."""

    def started(self, root="squashfs", prepare=None, append="", **options):
        guest = self.guest(root)
        guest.busybox("sh", "cat", "echo", "grep", "sleep", "touch", "true")
        self.secrets = guest.drive("mvm-secrets", tree=secrets("old"), readonly=True)
        self.config = guest.drive("mvm-config", tree=config("old", OLD), readonly=True)
        guest.service("web", "/bin/facts env + net + read /mnt/secrets/.env /mnt/config/mvm-env.env "
                      "+ echo up + sleep", user="root")
        guest.integration("db", restore_cmd="read -r a b </mnt/secrets/key; echo restored $a "
                          ">>/tmp/restored", checkpoint_cmd="true")
        if prepare:
            prepare(guest)
        self.new = (guest.drive_image("mvm-secrets", tree=secrets("new")),
                    guest.drive_image("mvm-config", tree=config("new", NEW)))
        machine = self.boot(guest, append, **options)
        machine.console.wait_line("web: up")
        machine.console.rewind()
        machine.console.wait_line("mvm-guest-agent: listening .*")
        self.client = mvm_client.Client(machine.vsock_path)
        return machine

    def change_drives(self, machine):
        machine.pause()
        for index, path in enumerate(self.new, 1):
            machine.replace_drive(index, path)
        machine.resume()

    def assert_refreshed(self, machine):
        """The service's second run has found only new contents."""
        machine.console.rewind()
        machine.console.wait_line("web: up")
        machine.console.wait_line("web: up")
        lives = "\n".join(self.output(machine).lines("web")).split("up\n")
        for life, word, address in ((lives[0], "old", OLD), (lives[1], "new", NEW)):
            facts = life.splitlines()
            self.assertIn("env: WORD=" + word, facts)
            self.assertIn("read: /mnt/secrets/.env ok " + word, facts)
            self.assertIn("read: /mnt/config/mvm-env.env ok export WORD=" + word, facts)
            self.assertEqual([f for f in facts if f.startswith("addr: eth0 1")],
                             ["addr: eth0 %s/24" % address])
            self.assertEqual(sorted(f for f in facts if f.startswith("route: eth0")),
                             ["route: eth0 0.0.0.0/0 via 172.16.0.1",
                              "route: eth0 172.16.0.0/24 via 0.0.0.0"])

    def machine_id(self):
        text = self.client.exec("cat /etc/machine-id")["stdout"]
        self.assertRegex(text, r"\A[0-9a-f]{32}\n\Z")
        return text

    def restored(self):
        return self.client.exec("cat /tmp/restored")["stdout"]

    def test_wake(self):
        machine = self.started()
        ack = self.client.sleep_prep(30)
        self.assertEqual((ack["success"], ack["detail"]), (
            True, "checkpointed db; filesystems synced, page cache dropped"))
        self.change_drives(machine)
        self.assertTrue(self.client.wake()["success"])
        self.assert_refreshed(machine)
        self.assertEqual(self.restored(), "restored new\n")

    def test_post_restore(self):
        machine = self.started("ext4")
        ids = [self.machine_id()]
        self.change_drives(machine)
        ack = self.client.post_restore()
        self.assertTrue(ack["success"], ack)
        for step in ("thaw", "clock", "secrets", "config", "environment", "address", "services",
                     "restore_cmd of db", "random-seed",
                     "clock: no PTP clock: clock not changed"):
            self.assertIn(step, ack["detail"])
        self.assert_refreshed(machine)
        ids.append(self.machine_id())
        self.assertEqual(self.restored(), "restored new\n")
        # The same seed has no effect again, but the guest still gets a new machine ID.
        ack = self.client.post_restore()
        self.assertTrue(ack["success"], ack)
        self.assertNotIn("random-seed", ack["detail"])
        ids.append(self.machine_id())
        self.assertEqual(len(set(ids)), 3, ids)
        self.assertNotRegex(machine.console.text, "(old|new){3}")

    def test_a_signal_does_the_same(self):
        machine = self.started(prepare=cases.add_remote)
        self.change_drives(machine)
        machine.console.rewind()
        machine.console.wait_line("remote: ready")
        machine.type("kill -USR1 1\n")
        machine.console.wait_line("mvm-guest-agent: restored: .*address.*services.*")
        self.assert_refreshed(machine)
        self.assertEqual(self.restored(), "restored new\n")

    def test_a_slow_disk_delays_no_one_else(self):
        """While SleepPrep waits for the disk, PID 1 answers other requests."""
        def prepare(guest):
            guest.busybox("dd")
            guest.drive("mvm-data", size_mib=16)
            guest.drives[-1].write_limit = 1 << 20
            guest.service("writer", "dd if=/dev/zero of=/mnt/data/file bs=64k count=96 && echo "
                          "written; exec sleep 100000", user="root")
        machine = self.started(prepare=prepare)
        machine.console.rewind()
        machine.console.wait_line("writer: written")
        answers = 0
        with mvm_client.dial(machine.vsock_path, timeout=PATIENCE_S) as slow:
            mvm_client.send(slow, mvm_client.encode("SleepPrep", {"drain_timeout_secs": 100}))
            while not select.select([slow], [], [], 0)[0]:
                services = self.client.call_own("Services")["services"]
                self.assertIn("writer", [v["name"] for v in services])
                answers += 1
            ack = json.loads(mvm_client.receive(slow))
        self.assertEqual(ack["SleepPrepAck"]["success"], True, ack)
        self.assertGreater(answers, 10)

    def test_a_reader_never_sees_half_a_secret(self):
        """Nor a missing one. The reader is not a service, so the restore does not stop it."""
        machine = self.started()
        with mvm_client.dial(machine.vsock_path, timeout=PATIENCE_S) as s:
            mvm_client.send(s, mvm_client.encode("Exec", {"command": READER, "timeout_secs": 600}))
            protocol.until(lambda: self.client.exec("cat /tmp/sees-old")["exit_code"],
                           lambda code: code == 0)
            self.change_drives(machine)
            self.assertTrue(self.client.post_restore()["success"])
            name, result = mvm_types.decode(mvm_client.receive(s))
        self.assertEqual((name, result["exit_code"], result["stderr"]), ("ExecResult", 0, ""))
        self.assertEqual(result["stdout"], "sees old\nsees new\n")

    def has_begun(self):
        """True once restore_cmd has; no policy allows Exec while the config drive is exchanged."""
        try:
            return self.client.exec("cat /tmp/began")["exit_code"] == 0
        except mvm_client.CallFailed:
            return False

    def test_what_hangs_is_told_as_pending(self):
        """The answer comes after 8 s while restore_cmd goes on; the guest serves meanwhile."""
        machine = self.started(prepare=lambda guest: guest.integration(
            "slow", restore_cmd="echo began >/tmp/began; sleep 1000"))
        self.change_drives(machine)
        with mvm_client.dial(machine.vsock_path, timeout=PATIENCE_S) as s:
            mvm_client.send(s, mvm_client.encode("PostRestore"))
            protocol.until(self.has_begun, bool)
            self.assertTrue(self.client.ping())
            self.assertFalse(self.client.wake()["success"])     # the same run
            name, ack = mvm_types.decode(mvm_client.receive(s))
        self.assertEqual((name, ack["success"]), ("PostRestoreAck", False))
        self.assertTrue(ack["detail"].endswith("still pending: restore commands"), ack)
        self.assertIn("services; ", ack["detail"])
        self.assert_refreshed(machine)

    def frozen(self, name):
        """cgroup.freeze of a service: 0 or 1."""
        group = "guest" if name == "mvm-guest-agent" else "services"
        said = self.client.exec("cat /sys/fs/cgroup/%s/%s/cgroup.freeze" % (group, name))["stdout"]
        return int(said or -1)

    def test_frozen_services(self):
        """Frozen from SleepPrep to Wake, except the agent; not after a failed critical checkpoint."""
        def prepare(guest):
            guest.agent_json(freeze_services=True)
            guest.integration("gate", checkpoint_cmd="[ ! -f /tmp/shut ]", critical=True)
            guest.service("late", "/bin/facts sleep", on_boot_delay="8s")
        machine = self.started(prepare=prepare)
        self.assertEqual(self.frozen("web"), 0)
        ack = self.client.sleep_prep(30)
        self.assertTrue(ack["success"], ack)
        self.assertIn("services frozen", ack["detail"])
        self.assertEqual((self.frozen("web"), self.frozen("mvm-guest-agent")), (1, 0))
        # A service that starts meanwhile is frozen, too.
        protocol.until(lambda: self.frozen("late"), lambda f: f == 1)
        self.change_drives(machine)
        self.assertTrue(self.client.wake()["success"])
        self.assert_refreshed(machine)
        self.assertEqual(self.frozen("web"), 0)
        self.client.exec("touch /tmp/shut")
        ack = self.client.sleep_prep(30)
        self.assertFalse(ack["success"])
        self.assertIn("gate (critical): exit code 1", ack["detail"])
        self.assertIn("services thawed", ack["detail"])
        self.assertEqual(self.frozen("web"), 0)

    def test_a_checkpoint_that_hangs(self):
        """It is reported within the host's time limit, and its processes are killed."""
        self.started(prepare=lambda guest: guest.integration(
            "stuck", checkpoint_cmd="sleep 7000009 & sleep 7000009", critical=True))
        ack = self.client.sleep_prep(4)
        self.assertFalse(ack["success"])
        self.assertIn("stuck (critical): timed out", ack["detail"])
        self.assertIn("filesystems synced", ack["detail"])
        self.assertIn("checkpointed db", ack["detail"])
        protocol.until(lambda: self.client.exec("grep -la '700000[9]' /proc/[0-9]*/cmdline"),
                       lambda r: r["stdout"] == "")
        self.assertIsNone(self.client.integrations()["stuck"]["last_checkpoint_at"])

    def test_connections_that_a_restore_resets(self):
        """In every state of a connection. Resets are routine: the next connection is served."""
        machine = self.started()
        before = self.client.call_own("Metrics")["agent"]["connections"]
        streams = [mvm_client.dial(machine.vsock_path) for _ in range(40)]
        for n, s in enumerate(streams):
            part = (b"", b"\0\0", b"\0\0\0\6\"Pi", protocol.frame("\"Ping\""),
                    protocol.frame(mvm_client.encode("Exec", {"command": "sleep 1000"})))[n % 5]
            s.sendall(part)
        protocol.until(lambda: self.client.call_own("Metrics")["agent"], lambda a:
                       a["commands"] == 8 and a["connections"] >= before + 40)
        machine.pause()
        for s in streams:
            s.close()
        machine.resume()
        self.assertTrue(self.client.wake()["success"])
        protocol.until(lambda: self.client.call_own("Metrics")["agent"], lambda a:
                       a["commands"] == 0 and a["connections"] == before)
        self.assertEqual([l for l in self.output(machine).lines("mvm-guest-agent")
                          if "connection" in l], [])

    def test_checkpoints_survive_the_agent(self):
        """Their times and sizes are correct."""
        def prepare(guest):
            test_agent_life.remote(guest)
            guest.drive("mvm-data", tree=images.Tree().directory(
                "/integrations/box/state", uid=900, gid=900))
            guest.integration("box", checkpoint_cmd="echo 0123456789 >"
                              "/mnt/data/integrations/box/state/file")
        machine = self.started(prepare=prepare)
        self.assertIsNone(self.client.integrations()["box"]["last_checkpoint_at"])
        self.assertTrue(self.client.sleep_prep(30)["success"])
        box = self.client.integrations()["box"]
        self.assertRegex(box["last_checkpoint_at"], "^20")
        self.assertEqual(box["state_size_bytes"], 11)
        self.do(machine, "agent KILL")
        self.wait_init(machine, "mvm-guest-agent: signal 9 .*")
        self.assertEqual(self.client.integrations()["box"], box)

    def test_a_leap_of_the_clock_releases_no_burst(self):
        """
        The clock leaps when the host was away. A check that was due several times runs once, and checks
        that were due at different times keep their distance.
        """
        def prepare(guest):
            for name, seconds in INTERVALS:
                guest.integration(name, health_cmd="read -r now rest </proc/uptime; "
                                  "echo $now >>/tmp/beats-%s" % name, health_interval_secs=seconds)
            guest.service("falls", "/bin/acts clock at + nap 1000 + /bin/facts exit 1")

        # A guest that counts ticks does not leap. On a busy machine it cannot measure its time
        # stamp counter, so it is told a rate; another one than the true one does no harm here.
        machine = self.started("ext4", prepare, append="tsc_early_khz=2000000 tsc=reliable")

        def beats(name):
            return [float(b) for b in self.client.exec("cat /tmp/beats-" + name)["stdout"].split()]

        # Of each, the next one is due while the guest is away.
        protocol.until(lambda: beats("middle"), lambda t: len(t) == 2)
        machine.leap(LEAP_S)
        often = protocol.until(lambda: beats("often"), lambda t: t[-1] - leap_end(t) > 3)
        end = leap_end(often)
        self.assertLessEqual(len([t for t in often if end <= t < end + 1.5]), 3, often)
        falls = [float(c.split()[1]) for c in self.output(machine).facts("falls", "clock")]
        self.assertLessEqual(len([t for t in falls if end - 1 < t < end + 2]), 4, falls)
        middle = protocol.until(lambda: beats("middle"), lambda t: len(t) == 3)
        seldom = protocol.until(lambda: beats("seldom"), lambda t: len(t) == 2)
        self.assertGreater(middle[2] - seldom[1], 2, (often, middle, seldom))

    def test_an_address_from_the_kernel(self):
        """The kernel itself took it from ip=, as in a fleet."""
        guest = self.guest()
        guest.network = True
        self.new = (guest.drive("mvm-config", tree=config("old", OLD), readonly=True),)
        new = guest.drive_image("mvm-config", tree=config("new", NEW))
        guest.facts("web", "net")
        machine = self.boot(guest, arguments="init=/init net.ifnames=0 "
                            "ip=172.16.0.2::172.16.0.1:255.255.255.0::eth0:off")
        machine.console.wait_line("web: done")
        client = mvm_client.Client(machine.vsock_path)
        machine.pause()
        machine.replace_drive(1, new)
        machine.resume()
        ack = client.post_restore()
        self.assertTrue(ack["success"], ack)
        machine.console.wait_line("web: addr: eth0 %s/24" % NEW)
        machine.console.wait_line("web: done")
        last = self.output(machine).lines("web")
        last = last[last.index("done") + 1:]
        self.assertEqual([l for l in last if re.match("addr: eth0 1", l)],
                         ["addr: eth0 %s/24" % NEW])
        self.assertIn("route: eth0 0.0.0.0/0 via 172.16.0.1", last)

    def test_an_unchanged_address_stays(self):
        """Its route stays, too: the address is not removed even for a moment."""
        machine = self.started()
        ack = self.client.post_restore()
        self.assertTrue(ack["success"], ack)
        machine.console.rewind()
        machine.console.wait_line("web: up")
        machine.console.wait_line("web: up")
        self.assertEqual([l for l in self.output(machine).facts("web", "addr") if "172" in l],
                         ["eth0 %s/24" % OLD] * 2)


if __name__ == "__main__":
    main()
