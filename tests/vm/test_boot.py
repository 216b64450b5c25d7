#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A booted guest: console lines, names, environment, an idle PID 1 that never dies."""
import cases
from rig.tap import main


class NormalBoot:
    """A guest with all drives and services, as a host boots it."""

    @classmethod
    def prepare(cls, guest):
        guest.init_ini(guest={"hostname": "web-1.example"})
        guest.tree.file("/etc/ssl/certs/ca-bundle.crt", "none\n")
        guest.user("web", 1000, home="/home/web")
        guest.drive("mvm-config", {"config.json": "{}"}, readonly=True)
        guest.drive("mvm-secrets", {"key": "s3cret"}, readonly=True)
        guest.drive("mvm-data")
        guest.integration("web", health_cmd="/bin/facts exit 0")
        guest.facts("web", "id + env + fds + signals + cat /proc/self/limits /proc/self/oom_score_adj",
                    user="web")
        guest.facts("names", "cat /etc/hosts /etc/hostname /etc/resolv.conf /proc/sys/kernel/hostname")
        guest.service("one", "/bin/acts field /proc/1/status Name: Uid: VmRSS: NoNewPrivs: + "
                      "field /proc/1/cgroup 0:: + field /proc/self/cgroup 0:: + "
                      "link /proc/self/exe + kill 1 15 + /bin/facts echo done + sleep")

    @classmethod
    def observe(cls, machine):
        for name in ("web", "names", "one"):
            machine.console.rewind()
            machine.console.wait_line("%s: done" % name)
        machine.console.rewind()
        machine.console.wait_line("mvm-guest-agent: listening on vsock port 52 .*")

    def test_the_lines_of_pid_1_and_no_others(self):
        self.assertEqual(self.output.init()[:-1], [
            "mounted config drive (vdb)", "mounted secrets drive (vdc)",
            "mounted data drive (vdd)", "network: eth0 172.16.0.2/24 gw 172.16.0.1"])
        self.assertRegex(self.output.init()[-1], r"^mvm-init \d\S+: 3 of 3 services started$")

    def test_at_most_ten_lines(self):
        self.assertLessEqual(len(self.output.init()), 10)

    def test_every_line_is_tagged(self):
        after = self.output.text.split("\n[init] ", 1)[1].split("\n", 1)[1]
        untagged = [l for l in after.splitlines()
                    if l and not l.startswith(("[", "web: ", "names: ", "one: ", "mvm-guest-agent: "))]
        self.assertEqual(untagged, [])

    def test_names(self):
        for line in ("/etc/hostname: web-1.example", "/proc/sys/kernel/hostname: web-1.example",
                     "/etc/hosts: 127.0.0.1 localhost", "/etc/hosts: ::1 localhost",
                     "/etc/hosts: 127.0.1.1 web-1.example"):
            self.assert_line("names", line)

    def test_environment_of_a_service(self):
        self.assertEqual(set(self.output.facts("web", "env")), {
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "SSL_CERT_FILE=/etc/ssl/certs/ca-bundle.crt", "HOME=/home/web", "USER=web",
            "LOGNAME=web", "SHELL=/bin/sh"})

    def test_identity_of_a_service(self):
        self.assertEqual(self.output.facts("web", "id"), [
            "uid=1000 euid=1000 gid=1000 egid=1000 groups=900,1000 "
            "session-leader=yes group-leader=yes",
            "CapInh 0000000000000000", "CapPrm 0000000000000000", "CapEff 0000000000000000",
            "CapBnd 0000000000000000", "CapAmb 0000000000000000", "NoNewPrivs 1", "Seccomp 0",
            "cwd=/ umask=022 ppid=1"])

    def test_descriptors_of_a_service(self):
        fds = self.output.facts("web", "fd")
        self.assertEqual(len(fds), 3)
        self.assertEqual(fds[0], "0 /dev/null")
        self.assertRegex(fds[1], r"^1 pipe:\[(\d+)\]$")
        self.assertEqual(fds[2][1:], fds[1][1:])

    def test_signals_of_a_service(self):
        self.assertEqual(self.output.facts("web", "signal"), [])
        self.assert_line("web", "signal-end:")

    def test_limits_of_a_service(self):
        limits = {l[:25].strip(): l[25:].split()[:2]
                  for l in self.output.facts("web", "/proc/self/limits")}
        self.assertEqual(limits["Max open files"], ["1024", "524288"])
        self.assertEqual(limits["Max core file size"][0], "0")
        self.assert_line("web", "/proc/self/oom_score_adj: 0")

    def test_pid_1(self):
        status = dict(f.split(None, 1) for f in self.output.facts("one", "field")
                      if not f.startswith("0::"))
        self.assertEqual(status["Name:"], "init")
        self.assertEqual(status["Uid:"].split(), ["0"] * 4)
        self.assertLess(int(status["VmRSS:"].split()[0]), 1024)
        self.assert_line("one", "kill: 1 15 Operation not permitted")

    def test_every_service_has_a_cgroup(self):
        self.assertEqual([f for f in self.output.facts("one", "field") if f.startswith("0::")],
                         ["0::/", "0::/services/one"])


class NormalBootOnExt4(NormalBoot, cases.SharedBoot):
    pass


class NormalBootOnSquashfs(NormalBoot, cases.SharedBoot):
    root = "squashfs"


class OtherCommandLines(cases.GuestCase):
    """The kernel command lines that the other hosts' paths use."""

    def test_fleet_without_init_word(self):
        guest = self.guest("squashfs")
        guest.facts("net", "net")
        machine = self.boot(guest, arguments="keep_bootcon ip=172.16.0.2::172.16.0.1:255.255.255.0"
                                             "::eth0:off")
        machine.console.wait(r"Run /sbin/init as init process")
        machine.console.wait_line(r"\[init\] network: eth0 172\.16\.0\.2/24 gw 172\.16\.0\.1")
        machine.console.wait_line("net: addr: eth0 172.16.0.2/24")
        machine.console.wait_line("net: done")

    def test_apple(self):
        guest = self.guest()
        guest.network = False
        guest.facts("net", "net")
        machine = self.boot(guest, arguments="init=/sbin/vminitd")
        self.wait_init(machine, r"network: no eth0: only lo is up")
        machine.console.wait_line("net: addr: lo 127.0.0.1/8")
        machine.console.wait_line("net: done")


class Idle(cases.SharedBoot):
    """Twenty minutes of virtual time in which nothing happens."""

    options = {"virtual_time": True, "apic_timer": True}

    @classmethod
    def prepare(cls, guest):
        guest.service("idle", "/bin/acts nap 2000 + idle 1200 + /bin/facts sleep")
        guest.service("sleeps", "/bin/facts sleep")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("idle: idle-end: 1200 s", timeout=120)

    def test_pid_1_is_never_woken(self):
        self.assert_line("idle", "idle: init +0")

    def test_a_service_is_never_woken(self):
        self.assert_line("idle", "idle: facts +0")

    def test_the_agent_without_checks_is_never_woken(self):
        self.assert_line("idle", "idle: mvm-guest-agent +0")


class Immortal(cases.GuestCase):
    """PID 1 never dies."""

    def test_no_services_at_all(self):
        """PID 1 waits for Ctrl-Alt-Del, without an agent and without a directory of services."""
        guest = self.guest(agent=False)
        guest.tree.remove("/etc/mvm")
        machine = self.boot(guest)
        self.wait_init(machine, "mvm-init .*: 0 of 0 services started")
        self.wait_init(machine, "no guest agent: the image has no mvm-guest-agent")
        self.end(machine)

    def test_an_empty_root(self):
        """The root has only init: missing mount points are made."""
        guest = self.guest(agent=False)
        for path in guest.tree.paths():
            if path.count("/") == 1 and path not in ("/", "/init"):
                guest.tree.remove(path)
        guest.tree.file("/etc/passwd", "").file("/etc/group", "")
        machine = self.boot(guest)
        self.wait_init(machine, "no guest agent: the image has no mvm-guest-agent")
        lines = self.output(machine).init()
        self.assertEqual(lines[0], "network: eth0 172.16.0.2/24 gw 172.16.0.1")
        self.assertRegex(lines[1], "^mvm-init .*: 0 of 0 services started$")
        self.assertEqual(len(lines), 3)
        self.end(machine)

    def test_an_empty_read_only_root(self):
        """Each failed mount gives a line, and the boot goes on."""
        guest = self.guest("squashfs", agent=False)
        for path in guest.tree.paths():
            if path.count("/") == 1 and path not in ("/", "/init", "/dev", "/bin"):
                guest.tree.remove(path)
        guest.tree.file("/etc/passwd", "").file("/etc/group", "")
        guest.tree.remove("/etc")
        machine = self.boot(guest)
        self.wait_init(machine, "cannot mount proc on /proc: Read-only file system")
        self.wait_init(machine, "cannot mount tmpfs on /run: Read-only file system")
        self.wait_init(machine, "mvm-init .*: 0 of 0 services started")
        self.end(machine)

    def test_signals_that_mean_nothing(self):
        """Root sends every signal without a meaning, then a service restarts, then the guest ends."""
        guest = self.guest(agent=False)
        meant = {1, 2, 10, 12, 15, 17, 30}          # HUP INT USR1 USR2 TERM CHLD PWR
        guest.service("shoot", "/bin/acts %s + /bin/facts exit 7" % " + ".join(
            "kill 1 %d" % s for s in range(1, 65) if s not in meant), user="root")
        machine = self.boot(guest)
        self.wait_init(machine, r"shoot: exit code 7 after .* s, restart in .* s")
        self.wait_init(machine, r"shoot: exit code 7 after .* s, restart in .* s \(number 2 .*")
        self.assertNotIn("shoot: kill: 1 9 Operation not permitted", machine.console.text)
        self.end(machine)

    def test_as_an_ordinary_program(self):
        """init run by a person prints its usage and changes nothing."""
        guest = self.guest()
        guest.service("person", "/bin/facts run /init + run /init --version + echo done + sleep")
        machine = self.boot(guest)
        machine.console.wait_line("person: init: the first process of an mvm guest.*")
        machine.console.wait_line("person: run: /init status=512")
        machine.console.wait_line(r"person: init \(mvm\) \d.*")
        machine.console.wait_line("person: run: /init status=0")


if __name__ == "__main__":
    main()
