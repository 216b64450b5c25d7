# SPDX-License-Identifier: MIT
"""Shared by the suites in this directory: TAP output, and Nix without a network."""

import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WORK = os.path.join(ROOT, "build", "nix")

# Builds run in Nix's sandbox, with this machine's programs in it, and nothing is looked for
# anywhere else. https://nixos.org/manual/nix/stable/command-ref/conf-file
NIX_CONFIG = """
experimental-features = nix-command flakes
build-users-group =
substituters =
flake-registry =
sandbox = true
sandbox-fallback = false
sandbox-paths = /bin /usr /lib /lib64 /etc/alternatives
"""


class Suite:
    """Prints a TAP line for each result; `done` ends the program with the right status."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def result(self, ok, name, detail=""):
        self.count += 1
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}", flush=True)
        if not ok:
            self.failed += 1
            for line in str(detail).splitlines():
                print(f"# {line}", flush=True)
        return ok

    def equal(self, name, got, want):
        return self.result(
            got == want, name, f"got  {json.dumps(got)}\nwant {json.dumps(want)}"
        )

    def done(self):
        print(f"1..{self.count}", flush=True)
        sys.exit(1 if self.failed else 0)


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def require_nix():
    if shutil.which("nix-instantiate") is None:
        skip_all("Nix is not installed (group nix of tests/packages.txt)")


def environment(**more):
    """The environment for Nix: our settings, and a home that nothing of the user's is in."""
    env = dict(os.environ)
    for name in ("NIX_PATH", "NIX_REMOTE", "NIX_STORE", "NIX_STORE_DIR"):
        env.pop(name, None)
    home = os.path.join(WORK, "home")
    os.makedirs(home, exist_ok=True)
    env.update(
        NIX_CONFIG=NIX_CONFIG,
        HOME=home,
        XDG_CACHE_HOME=os.path.join(home, "cache"),
        XDG_CONFIG_HOME=os.path.join(home, "config"),
        PATH=env.get("PATH", "") + ":/usr/sbin:/sbin",
    )
    env.update(more)
    return env


def run(arguments, **options):
    """Run a command; returns the completed process with its output as text."""
    return subprocess.run(
        arguments,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        check=False,
        **options,
    )


def evaluate(expression_file, *more):
    """The value of an expression that needs no store, or None and the error."""
    done = run(
        ["nix-instantiate", "--store", "dummy://", "--eval", "--strict", "--json"]
        + [*more, expression_file]
    )
    if done.returncode != 0:
        return None, done.stderr
    return json.loads(done.stdout), ""
