#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the guest agent survives: kill -9 with requests waiting, silent clients, hundreds of them."""
import cases
import protocol
from rig.tap import main

PROCS = "/sys/fs/cgroup/guest/mvm-guest-agent/cgroup.procs"


def remote(guest):
    """A root shell that finds the agent's process."""
    guest.busybox("cat", "head", "sleep", "kill", "touch")
    guest.tree.file("/bin/agent", "#!/bin/sh\nexec kill -$1 $(head -n 1 %s)\n" % PROCS, mode=0o755)
    cases.add_remote(guest)


class AgentLife(cases.GuestCase):
    def booted(self, root, prepare=None, **options):
        guest = self.guest(root)
        remote(guest)
        if prepare:
            prepare(guest)
        machine = self.boot(guest, **options)
        machine.console.wait_line("mvm-guest-agent: listening .*")
        return machine

    def backlog(self, root, count):
        """Stops the agent, lets hosts ask, kills it: the next one answers everybody."""
        machine = self.booted(root)
        self.do(machine, "agent STOP")
        clients = [machine.connect(protocol.PORT) for _ in range(count)]
        for s in clients:
            s.sendall(protocol.frame("\"Ping\""))
        self.do(machine, "agent KILL")
        self.wait_init(machine, r"mvm-guest-agent: signal 9 \(Killed\) after .*, restart in 0\.1 s")
        for s in clients:
            with s:
                self.assertEqual(protocol.read_frame(s), b"\"Pong\"")

    def test_kill_loses_no_request_in_the_backlog(self):
        self.backlog("ext4", 50)

    def test_kill_loses_no_request_on_squashfs(self):
        self.backlog("squashfs", 5)

    def test_one_that_hangs_is_restarted_when_a_host_asks(self):
        """In virtual time, on both ports; what waited is served. Without a host nobody minds."""
        for port, request in ((protocol.PORT, b"\"Ping\""), (5252, b"\"Ping\"")):
            with self.subTest(port=port):
                machine = self.booted("ext4", virtual_time=True)
                self.do(machine, "agent STOP")
                self.do(machine, "sleep 100")
                self.assertEqual(self.hangs(machine), [])
                with machine.connect(port, first=protocol.frame(request.decode())) as s:
                    self.assertEqual(protocol.read_frame(s), b"\"Pong\"")
                self.assertEqual(len(self.hangs(machine)), 1)
                self.do(machine, "sleep 100")
                self.assertEqual(protocol.ask(machine, "Ping"), "Pong")
                self.do(machine, "sleep 100")
                self.assertEqual(len(self.hangs(machine)), 1)

    def test_one_that_was_killed_after_it_was_asked(self):
        """PID 1 does not blame the next one for the question that it never got."""
        machine = self.booted("ext4", virtual_time=True)
        # Virtual time leaps while nothing runs in the guest: not between these steps of the host.
        self.do(machine, "while :; do :; done & echo $! >/tmp/busy")
        self.do(machine, "agent STOP")
        with machine.connect(protocol.PORT, first=protocol.frame("\"Ping\"")) as s:
            self.do(machine, "kill $(cat /tmp/busy); sleep 15; agent KILL")
            self.assertEqual(protocol.read_frame(s), b"\"Pong\"")
        self.do(machine, "sleep 20")
        self.assertEqual(self.hangs(machine), [])

    def hangs(self, machine):
        return [l for l in self.output(machine).init() if "sign of life" in l]

    def test_one_that_takes_no_more_connections_is_well(self):
        """It has as many as it takes: the last one waits longer than PID 1 does."""
        machine = self.booted("ext4", virtual_time=True, memory_mib=512)
        clients = [machine.connect(protocol.PORT) for _ in range(300)]
        self.do(machine, "sleep 60")
        self.assertEqual(self.hangs(machine), [])
        for s in clients:
            s.close()
        self.assertEqual(protocol.ask(machine, "Ping"), "Pong")

    def test_kill_loses_no_health_history(self):
        """The first check is good; the next one never ends. So what is known is from before."""
        def prepare(guest):
            guest.integration("once", health_cmd="[ ! -f /tmp/checked ] && touch /tmp/checked || "
                              "exec sleep 100000", health_interval_secs=3600,
                              health_timeout_secs=3600)
            guest.integration("bad", health_cmd="[ ! -f /tmp/bad ] && touch /tmp/bad && exit 7 || "
                              "exec sleep 100000", health_interval_secs=3600,
                              health_timeout_secs=3600)
            guest.probe("disk", cmd="[ ! -f /tmp/disk ] && touch /tmp/disk && echo '{\"a\": 1}' || "
                        "exec sleep 100000", output_format="json", interval_secs=3600,
                        timeout_secs=3600)
        machine = self.booted("ext4", prepare)
        before = protocol.until(lambda: protocol.integrations(machine), lambda r: all(
            i["health"]["detail"] != "first check pending" for i in r.values()))
        probes = protocol.until(lambda: protocol.probes(machine), len)
        self.assertEqual(before["once"]["status"], "active")
        for life in range(2):
            self.do(machine, "agent KILL")
            for _ in range(2 + life):
                machine.console.wait_line("mvm-guest-agent: listening .*")
            self.assertEqual(protocol.integrations(machine), before)
            self.assertEqual(protocol.probes(machine), probes)
        self.assertEqual(probes["disk"]["output"], {"a": 1})

    def test_a_silent_client_and_500_more(self):
        """None is served before the others are there; then each is."""
        machine = self.booted("squashfs", memory_mib=512)
        silent, slow = machine.connect(protocol.PORT), machine.connect(protocol.PORT)
        slow.sendall(b"\0\0")
        clients = [machine.connect(protocol.PORT) for _ in range(500)]
        self.assertEqual(protocol.ask(machine, "Ping"), "Pong")
        for s in clients:
            s.sendall(protocol.frame("\"Ping\""))
        for s in clients:
            with s:
                self.assertEqual(protocol.read_frame(s), b"\"Pong\"")
        with slow:
            slow.sendall(b"\0\6\"Ping\"")
            self.assertEqual(protocol.read_frame(slow), b"\"Pong\"")
        silent.close()
        self.assertEqual(self.output(machine).lines("mvm-guest-agent"),
                         ["listening on vsock port 52 (0 integrations, 0 probes)"])

    def test_clients_that_vanish(self):
        """In the middle of a request, or without reading the answer; a thousand of them."""
        machine = self.booted("ext4")
        for i in range(1000):
            with machine.connect(protocol.PORT) as s:
                s.sendall(protocol.frame("\"IntegrationStatus\"")[:i % 24])
        self.assertEqual(protocol.ask(machine, "Ping"), "Pong")

    def test_an_agent_that_cannot_start(self):
        """The services run, and PID 1 says why there is no agent."""
        guest = self.guest("squashfs")
        guest.init_ini(guest={"agent": "/usr/bin/absent-agent"})
        guest.facts("web", "echo here")
        machine = self.boot(guest)
        self.wait_init(machine, "mvm-guest-agent: exec /usr/bin/absent-agent: No such file or "
                                r"directory, restart in (2[7-9]|3[0-3])\.\d s")
        machine.console.rewind()
        machine.console.wait_line("web: here")

    def test_without_vsock(self):
        guest = self.guest()
        guest.facts("web", "echo here")
        machine = self.boot(guest, vsock=False)
        machine.console.wait_line("web: here")
        machine.console.rewind()
        machine.console.wait_line("mvm-guest-agent: listening .*")
        machine.ctrl_alt_del()
        self.assertEqual(machine.wait(), 0)


if __name__ == "__main__":
    main()
