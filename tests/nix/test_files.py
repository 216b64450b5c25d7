#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The files that mkGuest writes, read by the parsers that read them in the guest (guest_files.c)."""

import os
import subprocess
import sys

import store
import tap

PROGRAM = os.path.join(tap.ROOT, "build", "meson-unit", "tests", "nix", "guest-files")

# The parsers' result for `files` in guests.nix, as guest_files.c prints it.
WANT = r"""
guest hostname files-1
guest service_group app
guest settings reserve=25165824 user_namespaces=1 accounting=1
guest sysctl net.core.somaxconn=1024
guest sysctl net.ipv4.conf.all/forwarding=1
guest sysctl net.ipv4.tcp_rmem=4096 131072 6291456
guest nameserver 192.0.2.53
guest nameserver 2001:db8::53
all command exec </bin/sh> <-c> <echo "a  b" | cat>
all pre_start shell </bin/sh> <-c> <mkdir -p /run/all && true>
all user other
all log_file /var/log/all.log
all log size=1048576 keep=2
all working_directory /srv/with space
all env BACKSLASH=a\\nb
all env BRACKET=[env]
all env COMMENT=a ; b # c
all env EMPTY=
all env EQUALS=a=b=c
all env PATH=/custom
all env QUOTES=it's "quoted"
all env UTF8=café
all group owner
all group root
all rules restart=1 type=1 stop=1500 delay=250 delay_max=120000 start=90000 limit=5/3600000 ready=2
all after plain
all after first
all requires plain
all schedule action=2/3 unhealthy=4 boot=30000 interval=3600000
all cgroup memory=268435456/100000/18446744073709551614 cpu=1500/200 tasks=64
all process nice=-5 oom=500 umask=027 no_new_privs=0 ambient=401 limits=13
all sandbox seccomp=4 private_tmp=1
all read_only /etc
all read_only -/srv/absent
all account 1000:70 /home/other /bin/sh groups=2
plain command exec </bin/sh>
first command exec </mnt/data/first>
plain user -
plain log_file -
plain log size=0 keep=3
plain working_directory -
plain rules restart=0 type=0 stop=1000 delay=100 delay_max=30000 start=30000 limit=0/10000 ready=0
plain sandbox seccomp=4 private_tmp=0
plain account 900:900 /home/app /bin/sh groups=1
all check test "$X" = 'a\nb'\necho second line
all check-times interval=1 timeout=2 grace=3
all check-more user=other critical=1 output=0 checkpoint=save it restore=load it
plain check true
plain check-times interval=30 timeout=10 grace=0
plain check-more user=- critical=0 output=0 checkpoint=- restore=-
load probe cat /proc/loadavg
load probe-times interval=7 timeout=4 grace=0
load probe-more user=owner critical=0 output=1 checkpoint=- restore=-
"""


def build_program():
    """`make unit` builds it; here only so that this suite runs by itself."""
    if not os.path.exists(PROGRAM):
        subprocess.run(
            ["make", "-s", "-C", tap.ROOT, "unit"], stdout=sys.stderr, check=False
        )
    return os.path.exists(PROGRAM)


def read(directory):
    done = subprocess.run(
        [PROGRAM, directory], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def read_service(text):
    """The parsers' result for a guest with one service."""
    directory = os.path.join(tap.WORK, "one-service")
    os.makedirs(os.path.join(directory, "mvm", "services.d"), exist_ok=True)
    files = {
        "passwd": "root:x:0:0::/:/sbin/nologin\nmvm:x:900:900::/:/sbin/nologin\n",
        "group": "root:x:0:\nmvm:x:900:\n",
        "mvm/services.d/x.ini": text,
    }
    for path, content in files.items():
        with open(os.path.join(directory, path), "w", encoding="utf-8") as file:
            file.write(content)
    return read(directory)


def test_bounds(suite):
    """The guest reads the largest values that mkGuest accepts, and nothing larger."""
    bounds, error = tap.evaluate(os.path.join(tap.HERE, "bounds.nix"))
    if not suite.result(bounds is not None, "the values at the bounds evaluate", error):
        return
    for text in bounds["good"]:
        status, out, errors = read_service(text)
        suite.result(
            status == 0 and "problem:" not in out,
            f"at the bounds: {text[30:60]!r}",
            (out + errors)[-2000:],
        )
    for text in bounds["bad"]:
        status, out, _ = read_service(text)
        suite.result(status == 1 and "problem:" in out, f"beyond: {text[30:60]!r}", out[-2000:])
    suite.equal("all capabilities are tried", len(bounds["capabilities"]), 2 * 41 + 2)


def main():
    tap.require_nix()
    suite = tap.Suite()
    if not suite.result(build_program(), "the parsers are built"):
        suite.done()

    # Keys: the table in Nix against the table in C, in both directions.
    keys = subprocess.run([PROGRAM, "--keys"], stdout=subprocess.PIPE, check=False)
    known = sorted(keys.stdout.decode().split())
    table, error = tap.evaluate(os.path.join(tap.HERE, "keys.nix"))
    if suite.result(table is not None, "the table of options evaluates", error):
        suite.equal("mkGuest has every key of a service file, and no other", table, known)

    store.prepare(store.FIRST)
    output, error = store.build("etc")
    if not suite.result(output is not None, "the files build", error):
        suite.done()
    status, text, errors = read(os.path.join(output, "etc"))
    suite.result(
        status == 0 and "problem:" not in text and errors == "",
        "the parsers find no problem",
        text + errors,
    )
    lines = text.splitlines()
    for want in WANT.strip().splitlines():
        want = want.replace(r"a\\nb", r"a\nb")
        suite.result(want in lines, f"read: {want}", text)
    path = [line for line in lines if line.startswith("guest env PATH=")]
    suite.result(
        len(path) == 1
        and path[0].endswith("/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        and "busybox" in path[0],
        "read: PATH of the guest",
        path,
    )
    agent = [line for line in lines if line.startswith("guest agent /nix/store/")]
    suite.result(len(agent) == 1, "read: the agent's program", lines)
    written = set()
    services = os.path.join(output, "etc/mvm/services.d")
    for name in os.listdir(services):
        with open(os.path.join(services, name), encoding="utf-8") as file:
            written |= {line.split(" =")[0] for line in file if " =" in line}
    suite.equal("every key is used in this test", sorted(set(known) - written), [])

    test_bounds(suite)

    # The check can fail: a key that init does not know.
    status, text, _ = read_service("[service]\ncommand = /bin/true\nno_such_key = 1\n")
    suite.result(status == 1 and "no_such_key" in text, "an unknown key is a problem", text)
    suite.done()


if __name__ == "__main__":
    main()
