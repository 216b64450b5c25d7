#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Every system call of the agent fails, once with each plausible errno (payload/tracer.c), while hosts
ask for all kinds of things: each request ends, and afterwards the agent works as before.

FAULT_REQUESTS in the environment: how many requests are made meanwhile.
"""
import json
import os
import re
import struct

import cases
import mvm_client
import protocol
from rig import build, images
from rig.tap import main

REQUESTS = int(os.environ.get("FAULT_REQUESTS", "120"))
EVERY = 9               # calls between two faults
ANSWER_S = 30           # of the host: a request that takes longer hangs
KINDS = (
    ("Ping", None), ("IntegrationStatus", None), ("Hello", None), ("Services", None),
    ("Metrics", None), ("Logs", {"service": "web"}), ("Exec", {"command": "/bin/facts echo x"}),
    ("CheckpointIntegrations", {"integrations": ["ok"]}), ("ProbeStatus", None),
)


class AgentFaults(cases.GuestCase):
    def request(self, path, name, fields):
        """True if it was answered; a connection that ends is an end, too."""
        body = mvm_client.encode(name, fields)
        try:
            with mvm_client.dial(path, timeout=ANSWER_S) as s:
                s.sendall(struct.pack(">I", len(body)) + body)
                mvm_client.receive(s)
                return True
        except TimeoutError:
            self.fail("%s was neither answered nor refused" % name)
        except (OSError, mvm_client.CallFailed, EOFError):
            return False

    def test_every_call_fails_once(self):
        guest = self.guest("squashfs")
        cases.add_remote(guest)
        guest.busybox("pidof", "kill")
        guest.tree.copy(build.program("tracer"), "/bin/tracer")
        guest.facts("web", "echo up + sleep")
        guest.integration("ok", health_cmd="/bin/facts exit 0", health_interval_secs=1)
        guest.probe("measured", cmd="/bin/facts exit 0", interval_secs=1)
        guest.service("faults", "/bin/tracer fail %d mvm-guest-agent" % EVERY, user="root",
                      restart="never", on_boot_delay="1s")
        guest.drive("mvm-config", tree=images.Tree().file(
            "/security-policy.json", json.dumps({"access": {"debug_exec": True}}), mode=0o444),
            readonly=True)
        machine = self.boot(guest)
        machine.console.wait_line("faults: tracer: follows")
        answered = sum(self.request(machine.vsock_path, *KINDS[i % len(KINDS)])
                       for i in range(REQUESTS))
        self.do(machine, "kill $(pidof tracer)")
        machine.console.wait_line("faults: tracer: done")
        met = machine.console.find(r"^faults: tracer: call (\d+) fails: (.*)$")
        print("# %d of %d requests answered; %s" % (
            answered, REQUESTS, re.findall(r"tracer: (\d+ of .*)", machine.console.text)[-1]))
        self.assertGreater(len(met), min(REQUESTS // 10, 60))
        self.assertGreater(answered, REQUESTS // 4)
        # It works, and so do its checks.
        protocol.until(lambda: self.request(machine.vsock_path, "Ping", None), bool)
        protocol.until(lambda: protocol.integrations(machine), lambda r: r["ok"]["health"]["healthy"])
        self.assertEqual(self.output(machine).lines("web"), ["up"])


if __name__ == "__main__":
    main()
