#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
What the agent costs: Ping at one connection for each request, memory, and wake-ups.

    agent.py [--kernel VMLINUX] [--pings N]

Ping is measured from the host, through the hybrid socket, in real time: on a busy host the figures
say little, and what counts is how they compare with those of the least server there can be, on
another port of the same guest, whose turns alternate with the agent's. Wake-ups are those of an hour
in virtual time, with one check and one probe every 30 s.
"""
import argparse
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vm"))
import mvm_client  # noqa: E402
from rig.guest import Guest  # noqa: E402

LEAST_PORT = 5252
HOUR_S = 3600
CROWD = 500             # clients that hang on
TIMEOUT_S = 600         # of the host's time
PORTS = (("agent", mvm_client.PORT), ("least server", LEAST_PORT))


def checks(guest):
    guest.integration("checked", health_cmd="/bin/facts exit 0", health_interval_secs=30)
    guest.probe("measured", cmd="/bin/facts exit 0", interval_secs=30)


def ping_us(path, port):
    """Microseconds from before the connection is made until the answer is there."""
    begin = time.perf_counter()
    with mvm_client.dial(path, port, timeout=60) as s:
        mvm_client.send(s, b"\"Ping\"")
        if mvm_client.receive(s) != b"\"Pong\"":
            raise SystemExit("port %d does not answer Pong" % port)
        return (time.perf_counter() - begin) * 1e6


def show_pings(path, count, title):
    """Takes turns between the ports, and prints the quantiles of each."""
    taken = {name: [] for name, _ in PORTS}
    for _ in range(count):
        for name, port in PORTS:
            taken[name].append(ping_us(path, port))
    print(title)
    quantiles = {}
    for name, values in taken.items():
        values.sort()
        quantiles[name] = [values[int(len(values) * q)] for q in (0.5, 0.99)]
        print("  %-14s p50 %8.0f us   p99 %8.0f us" % (name, *quantiles[name]), flush=True)
    (a50, a99), (l50, l99) = quantiles["agent"], quantiles["least server"]
    print("  %-14s p50 %8.2f      p99 %8.2f" % ("ratio", a50 / l50, a99 / l99), flush=True)


def ping(kernel, count):
    guest = Guest("squashfs")
    checks(guest)
    guest.service("least", "/bin/facts vsock-pong %d" % LEAST_PORT)
    with guest.machine(kernel=kernel, memory_mib=512) as machine:
        machine.console.wait_line("least: vsock-pong: .* listening")
        machine.console.rewind()
        machine.console.wait_line("mvm-guest-agent: listening .*")
        for _ in range(100):
            for _, port in PORTS:
                ping_us(machine.vsock_path, port)
        show_pings(machine.vsock_path, count, "Ping, one connection for each:")
        crowd = [mvm_client.dial(machine.vsock_path, timeout=60) for _ in range(CROWD)]
        show_pings(machine.vsock_path, count // 4, "Ping, while %d silent clients hang on:" % CROWD)
        for s in crowd:
            s.close()
        agent = mvm_client.Client(machine.vsock_path).call_own("Metrics")["agent"]
        print("resident after that: %d kB" % (agent["memory_bytes"] // 1024), flush=True)
    guest.close()


def wake_ups(kernel):
    guest = Guest("squashfs")
    checks(guest)
    guest.service("looks", "/bin/acts nap 5000 + idle %d + /bin/facts sleep" % HOUR_S, user="root")
    with guest.machine(kernel=kernel, virtual_time=True) as machine:
        machine.console.wait_line("looks: idle-end: .*", TIMEOUT_S)
        counts = dict(re.findall(r"looks: idle: (init|mvm-guest-agent) \+(\d+)",
                                 machine.console.text))
    guest.close()
    for name, count in sorted(counts.items()):
        print("%s: woken %s times in an hour, %.3f/s" % (name, count, int(count) / HOUR_S))


def main():
    parser = argparse.ArgumentParser(description="Measure the agent in a guest.")
    parser.add_argument("--kernel", help="another vmlinux")
    parser.add_argument("--pings", type=int, default=2000, help="for each figure")
    arguments = parser.parse_args()
    wake_ups(arguments.kernel)
    ping(arguments.kernel, arguments.pings)


if __name__ == "__main__":
    main()
