#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Thousands of requests, many from hosts that disconnect at the worst moment: afterwards the agent and
PID 1 hold as many resources as before. SOAK_REQUESTS in the environment is their number.
"""
import json
import os
import random
import struct

import cases
import mvm_client
import protocol
from rig import images
from rig.tap import main

REQUESTS = int(os.environ.get("SOAK_REQUESTS", "5000"))
SEED = 52
WARM = 2500             # requests before the first measurement: it goes up and down after them
GROWTH_KB = 64          # the allocator's pieces, in the first thousands; 7 bytes for each request
RESIDENT_KB = 512       # at most, of the agent
# Of a hundred requests, how many run to their end, and where the others stop.
STOPS = ("none",) * 50 + ("before",) * 10 + ("header",) * 10 + ("body",) * 10 + \
        ("unread",) * 10 + ("reading",) * 10
KINDS = (
    ("Ping", None), ("WorkerStatus", None), ("IntegrationStatus", None), ("ProbeStatus", None),
    ("Hello", None), ("Services", None), ("Metrics", None), ("BootTimeline", None),
    ("Logs", {"service": "talker"}), ("CheckpointIntegrations", {"integrations": ["x"]}),
    ("Exec", {"command": "/bin/facts echo x"}), ("Exec", {"command": "/bin/facts sleep"}),
    ("ping", None), ("Exec", {"command": 1}),
)
EXEC = [name for name, _ in KINDS].index("Exec")
# What later hosts ask for on their port. Most of these start a process.
LATER = (
    ("ReadinessStatus", None), ("EntrypointStatus", None), ("IntegrationStatus", None),
    ("UpdateIdleTimeout", {"secs": 1}), ("FsDiff", None), ("ProcList", None),
    ("FsStat", {"path": "/etc/passwd"}), ("FsRead", {"path": "/bin/facts", "length": 60000}),
    ("FsList", {"path": "/bin"}), ("FsMkdir", {"path": "/tmp/d", "mode": 448, "parents": True}),
    ("FsWrite", {"path": "/tmp/f", "content": [120] * 20000, "mode": 384}),
    ("FsHash", {"path": "/bin/facts", "offset": 0, "length": 1 << 20}),
    ("ProcStart", {"argv": ["/bin/facts", "echo", "x"]}),
    ("RunEntrypoint", {"stdin": [120], "timeout_secs": 30}),
    ("ConsoleOpen", {"cols": 80, "rows": 24}), ("StartPortForward", {"guest_port": 80}),
)
LATER_SHARE = 0.2
START = [name for name, _ in LATER].index("ProcStart")
PROCESSES_KEPT = 64     # processes that have ended are known for a minute: 2 kB each
HELLO = {"host_protocol_version": 1, "min_supported_version": 1, "host_version": "0.14.0",
         "requested_capabilities": ["ping"]}
# For each process: descriptors, kB of resident memory. And how many processes there are.
FACTS = ("for p in 1 $(cat /sys/fs/cgroup/guest/mvm-guest-agent/cgroup.procs); do "
         "set -- /proc/$p/fd/*; echo fds $#; grep -E '^(VmRSS|Threads)' /proc/$p/status; done; "
         "n=0; for p in /proc/[0-9]*/exe; do readlink $p >/dev/null && n=$((n + 1)); done; "
         "echo processes $n")


class Soak(cases.GuestCase):
    def measure(self, machine):
        """Numbers measured by the shell while no request runs."""
        # A command that ends leaves its cgroup for the next one; one that is killed leaves none.
        with mvm_client.dial(self.client.path, timeout=60) as s:
            mvm_client.send(s, mvm_client.encode(*KINDS[EXEC]))
            mvm_client.receive(s)
        # The last requests' connections and commands are gone when only the one that asks is left.
        protocol.until(lambda: self.client.call_own("Metrics")["agent"], lambda a:
                       a["connections"] == 1 and a["commands"] == 0, 120)
        begin = len(machine.console.text)
        machine.type("/bin/measure\n")
        machine.console.wait_line("remote: did /bin/measure")
        lines = [l for l in cases.Output(machine.console.text[begin:]).lines("remote")
                 if l.split()[0].strip(":") in ("fds", "VmRSS", "Threads", "processes")]
        names = ["%s %s" % (who, what) for who in ("init", "agent", "starter")
                 for what in ("fds", "kB", "threads")] + ["processes"]
        return dict(zip(names, (int(l.split()[1]) for l in lines)))

    def call(self, name, fields):
        """One request to its end on the port of later hosts; the answer."""
        with mvm_client.dial(self.client.path, port=5252, timeout=60) as s:
            mvm_client.send(s, mvm_client.encode(name, fields))
            return json.loads(mvm_client.receive(s))

    def finish_process(self, answer):
        token = answer["ProcResult"]["Started"]["pid_token"]
        with mvm_client.dial(self.client.path, port=5252, timeout=60) as w:
            mvm_client.send(w, mvm_client.encode("ProcWait", {"pid_token": token}))
            while "Exit" not in json.loads(mvm_client.receive(w))["ProcWaitEvent"]:
                pass

    def finish(self, s, name):
        """Takes all that comes of a later host's request, and ends what it has begun."""
        answer = json.loads(mvm_client.receive(s))
        while name == "RunEntrypoint" and {"Exit", "Error"}.isdisjoint(answer["EntrypointEvent"]):
            answer = json.loads(mvm_client.receive(s))
        if name == "ConsoleOpen" and "ConsoleOpened" in answer:
            self.call("ConsoleClose", {"session_id": answer["ConsoleOpened"]["session_id"]})
        if name == "ProcStart":
            self.finish_process(answer)

    def later_request(self, random_):
        name, fields = random_.choice(LATER)
        stop = random_.choice(STOPS)
        body = mvm_client.encode(name, fields)
        hello = mvm_client.encode("ProtocolHello", HELLO)
        data = struct.pack(">I", len(hello)) + hello + struct.pack(">I", len(body)) + body
        with mvm_client.dial(self.client.path, port=5252, timeout=60) as s:
            if stop in ("before", "header", "body"):
                data = data[:random_.randrange(len(data))]
            s.sendall(data)
            if stop == "reading":
                s.recv(random_.randrange(1, 30))
            elif stop == "none":
                mvm_client.receive(s)
                self.finish(s, name)

    def request(self, random_):
        """One request of a host that may disconnect early."""
        if random_.random() < LATER_SHARE:
            self.later_request(random_)
            return
        name, fields = random_.choice(KINDS)
        stop = random_.choice(STOPS)
        if stop == "none" and fields == {"command": "/bin/facts sleep"}:
            stop = "unread"
        body = mvm_client.encode(name, fields)
        data = struct.pack(">I", len(body)) + body
        with mvm_client.dial(self.client.path, timeout=60) as s:
            if stop == "before":
                return
            if stop == "header":
                data = data[:random_.randrange(1, 4)]
            elif stop == "body":
                data = data[:random_.randrange(4, len(data))]
            s.sendall(data)
            if stop == "reading" and name != "Exec":
                s.recv(random_.randrange(1, 30))
            elif stop == "none":
                mvm_client.receive(s)

    def test_nothing_is_left_over(self):
        guest = self.guest("squashfs")
        cases.add_remote(guest)
        guest.busybox("cat", "grep", "readlink")
        guest.tree.file("/bin/measure", "#!/bin/sh\n" + FACTS + "\n", mode=0o755)
        guest.tree.file("/usr/lib/mvm/wrappers/main", "#!/bin/sh\necho x\n", mode=0o755)
        guest.tree.file("/etc/mvm/entrypoint", "/usr/lib/mvm/wrappers/main\n")
        guest.service("talker", "/bin/facts echo one + echo two + sleep")
        guest.integration("idle", health_cmd="/bin/facts exit 0", health_interval_secs=3600)
        guest.probe("json", cmd="/bin/facts echo 41", output_format="json", interval_secs=3600)
        guest.drive("mvm-config", tree=images.Tree().file(
            "/security-policy.json", json.dumps({"access": {"debug_exec": True}}), mode=0o444),
            readonly=True)
        machine = self.boot(guest)
        machine.console.wait_line("remote: ready")
        self.client = mvm_client.Client(machine.vsock_path)
        random_ = random.Random(SEED)
        protocol.until(self.client.probes, len)
        self.call("StartPortForward", {"guest_port": 80})       # which it does for good
        for _ in range(PROCESSES_KEPT):
            self.finish_process(self.call(*LATER[START]))
        for _ in range(WARM):
            self.request(random_)
        before = self.measure(machine)
        for _ in range(REQUESTS - WARM):
            self.request(random_)
        after = self.measure(machine)
        self.assertEqual(len(before), 10, before)
        for name, value in before.items():
            with self.subTest(name, before=value, after=after[name]):
                if name.endswith(" kB"):
                    self.assertLessEqual(after[name], value + GROWTH_KB)
                else:
                    self.assertEqual(after[name], value)
        self.assertLessEqual(after["agent kB"], RESIDENT_KB)
        print("# %d requests; %s" % (REQUESTS, ", ".join("%s %d -> %d" % (n, v, after[n])
                                                       for n, v in before.items())))


if __name__ == "__main__":
    main()
