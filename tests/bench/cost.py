#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
What a guest costs in instructions, and whether that has grown.

    cost.py [--kernel VMLINUX] [--write]

Prints a line for each figure: what was committed in costs.json, what it is now, and the bound. With
--write the figures become the committed ones. tests/vm/test_cost.py is the same as a test.

start N       from "Run /init" to the first instruction of the last of N services, ext4, warm
idle hour     an hour of a guest with one service and the agent, from its second minute on
health check  one direct check: the agent's part, the program, and what of the kernel they use
ping, new     Ping on a connection of its own, with all that the guest's kernel does for it
ping, kept    Ping on a connection that is there

The first three are in virtual time and repeat exactly. How a Ping's packets come together depends on
the host, too: of several rounds the least counts, it varies by a tenth, and its bound is 50 %.
"""
import argparse
import json
import os
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "vm")]
import boot  # noqa: E402
import mvm_client  # noqa: E402
from rig import build  # noqa: E402
from rig.guest import Guest  # noqa: E402

COSTS = os.path.join(HERE, "costs.json")
EXACT, OF_THE_HOST = 1.02, 1.5
CHECK_S = 30
CHECKS = 3600 // CHECK_S
ROUNDS, PINGS = 6, 40
TIMEOUT_S = 600


class Counter:
    """The file that instruction_counter.c counts into."""

    def __init__(self):
        self._file = tempfile.NamedTemporaryFile(prefix="counter-")
        self._file.truncate(4096)
        self.path = self._file.name

    def _numbers(self):
        with open(self.path, "rb") as f:
            return struct.unpack("512Q", f.read(4096))

    def now(self):
        return self._numbers()[0]

    def marks(self):
        numbers = self._numbers()
        return list(numbers[2:2 + numbers[1]])


def start(services, kernel=None):
    return round(boot.ours("ext4", "warm", services, kernel) * boot.CYCLES_PER_MS)


def hour(prepare, kernel):
    """Instructions of an hour of virtual time in a guest that prepare() has added to."""
    guest = Guest("squashfs")
    guest.tree.copy(build.program("idle-hour"), "/bin/idle-hour")
    guest.service("hour", "/bin/idle-hour")
    prepare(guest)
    counter = Counter()
    with guest.machine(kernel=kernel, virtual_time=True, counter=counter.path) as machine:
        machine.console.wait_line("hour: hour: over", TIMEOUT_S)
        machine.pull_plug()
    guest.close()
    first, second = counter.marks()
    return second - first


def hours(kernel=None):
    """Instructions of an idle hour, and of one health check."""
    idle = hour(lambda guest: None, kernel)
    checked = hour(lambda guest: guest.integration(
        "hour", health_cmd="/bin/facts exit 0", health_interval_secs=CHECK_S), kernel)
    return idle, (checked - idle) // CHECKS


def least(counter, ping):
    """Instructions of one ping, in the cheapest of several rounds."""
    for _ in range(PINGS):
        ping()
    rounds = []
    for _ in range(ROUNDS):
        before = counter.now()
        for _ in range(PINGS):
            ping()
        rounds.append((counter.now() - before) // PINGS)
    return min(rounds)


def ask(connection):
    mvm_client.send(connection, b"\"Ping\"")
    if mvm_client.receive(connection) != b"\"Pong\"":
        raise SystemExit("the agent does not answer Pong")


def pings(kernel=None):
    """Instructions of a Ping on a new connection, and on one that is kept."""
    guest = Guest("squashfs")
    counter = Counter()

    def once():
        with mvm_client.dial(machine.vsock_path, timeout=60) as s:
            ask(s)
    with guest.machine(kernel=kernel, counter=counter.path) as machine:
        machine.console.wait_line("mvm-guest-agent: listening .*")
        new = least(counter, once)
        with mvm_client.dial(machine.vsock_path, timeout=60) as s:
            kept = least(counter, lambda: ask(s))
        machine.pull_plug()
    guest.close()
    return new, kept


def measure(kernel=None):
    costs = {"start %d" % n: start(n, kernel) for n in (1, 100, 1000)}
    costs["idle hour"], costs["health check"] = hours(kernel)
    costs["ping, new"], costs["ping, kept"] = pings(kernel)
    return costs


def committed():
    with open(COSTS) as f:
        return json.load(f)


def bound(name, cost):
    return int(cost * (OF_THE_HOST if name.startswith("ping") else EXACT))


def main():
    parser = argparse.ArgumentParser(description="Measure what a guest costs in instructions.")
    parser.add_argument("--kernel", help="another vmlinux")
    parser.add_argument("--write", action="store_true", help="commit to these figures")
    arguments = parser.parse_args()
    now = measure(arguments.kernel)
    old = committed() if os.path.exists(COSTS) else {}
    for name, cost in now.items():
        was = old.get(name, cost)
        print("%-14s %12d, was %12d, bound %12d%s" % (
            name, cost, was, bound(name, was), "" if cost <= bound(name, was) else "  GROWN"))
    if arguments.write:
        with open(COSTS, "w") as f:
            json.dump(now, f, indent="\t")
            f.write("\n")


if __name__ == "__main__":
    main()
