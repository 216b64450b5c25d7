#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The environment of services: the host's mvm-env.env is data, and later sources win."""
import cases
from rig import build
from rig.images import Tree
from rig.tap import main

HOSTILE = r"""# what a host writes, and what people write

export PLAIN=hello world
export APOSTROPHE=it's
export QUOTED="a \"b\" \$c \\d \e"
export SINGLE='$(touch /tmp/pwned) "as is" \n'
COMMAND=$(touch /tmp/pwned)
BACKTICKS=`touch /tmp/pwned`
CHAIN=a; touch /tmp/pwned
PIPE=a | touch /tmp/pwned
EMPTY=
export EMPTY_QUOTED=""
export   SPACED=  two spaces  
EQUALS=a=b=c
OPEN="half
TWO='a' 'b'
TRAILING=x # no comment
TWICE=first
TWICE=second
	TABBED=yes
CARRIAGE=return"""  "\r" r"""
UTF8=häßlich ✓
export FROM_FILE=file
ALL=file
PATH=/opt/bin:/bin
HOME=/nowhere
1BAD=x
just words
=no name
export
bad name=x
exportX=y
discovery.type=single-node
KEY="-----BEGIN KEY-----
c2VjcmV0=
-----END KEY-----"
HALF='-----BEGIN KEY-----
bG9zdA==
AFTER_HALF=kept
"""

EXPECTED = {
    "PLAIN=hello world", "APOSTROPHE=it's", r'QUOTED=a "b" $c \d \e',
    r'SINGLE=$(touch /tmp/pwned) "as is" \n', "COMMAND=$(touch /tmp/pwned)",
    "BACKTICKS=`touch /tmp/pwned`", "CHAIN=a; touch /tmp/pwned", "PIPE=a | touch /tmp/pwned",
    "EMPTY=", "EMPTY_QUOTED=", "SPACED=  two spaces", "EQUALS=a=b=c", "TWO='a' 'b'",
    "TRAILING=x # no comment", "TWICE=second", "TABBED=yes", "CARRIAGE=return",
    "UTF8=häßlich ✓", "FROM_FILE=file", "exportX=y", "discovery.type=single-node", "AFTER_HALF=kept",
    r"KEY=-----BEGIN KEY-----\nc2VjcmV0=\n-----END KEY-----",
}


class Environment:
    @classmethod
    def prepare(cls, guest):
        guest.user("web", 1000, home="/home/web")
        guest.init_ini(env={"ALL": "init.ini", "INIT_AND_SERVICE": "init.ini", "INIT": "init.ini"})
        guest.tree.file("/etc/service.env", "EXTRA=environment_file\nALL=environment_file\n"
                                            "SERVICE=environment_file\n")
        guest.service("all", "/bin/facts env + stat /tmp/pwned + echo done + sleep", user="web",
                      environment_file="/etc/service.env",
                      env={"ALL": "service", "INIT_AND_SERVICE": "service", "SERVICE": "service",
                           "SHELL": "/bin/mine", "SEMICOLON": "a ; b # c", "QUOTES": "\"kept\""})
        for name, path in (("there", "-/etc/service.env"), ("not-there", "-/etc/absent.env")):
            guest.facts(name, "env", environment_file=path)
        # Found along the PATH that the host's file sets.
        guest.tree.copy(build.program("facts"), "/opt/bin/found")
        guest.service("path", "found echo found + sleep")
        guest.integration("check", health_cmd="/bin/facts stat /tmp/pwned")
        guest.tree.directory("/srv/checked", mode=0o755)
        guest.busybox("sh", "pwd", "test", "sleep", "touch")
        guest.service("checked", "/bin/facts sleep", ready="healthy", working_directory="/srv/checked",
                      environment_file="/etc/service.env", env={"MINE": "yes"})
        guest.facts("after-checked", "echo healthy", requires="checked")
        guest.integration("checked", health_interval_secs=1, health_cmd='[ "$MINE-$SERVICE-$FROM_FILE-'
                          '$HOME-$USER-$(pwd)" = yes-environment_file-file-/nowhere-mvm-/srv/checked ]')
        guest.drive("mvm-config", readonly=True, tree=Tree().file("/mvm-env.env", HOSTILE)
                    .file("/mvm-ports.env", "export MVM_PORT_MAP=\"3333:3000\"\n"))

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("all: done")
        for line in ("path: found", "after-checked: done", "there: done", "not-there: done"):
            machine.console.rewind()
            machine.console.wait_line(line)

    def environment(self):
        return dict(e.split("=", 1) for e in self.output.facts("all", "env"))

    def test_values_are_taken_literally(self):
        self.assertLessEqual(EXPECTED, set(self.output.facts("all", "env")))

    def test_nothing_was_executed(self):
        self.assert_line("all", "stat: /tmp/pwned ENOENT")

    def test_nothing_else_is_in_it(self):
        known = {e.split("=", 1)[0] for e in EXPECTED} | {
            "ALL", "INIT_AND_SERVICE", "INIT", "SERVICE", "EXTRA", "SEMICOLON", "QUOTES", "PATH",
            "HOME", "USER", "LOGNAME", "SHELL"}
        self.assertEqual(set(self.environment()), known)

    def test_no_name_comes_twice(self):
        names = [e.split("=", 1)[0] for e in self.output.facts("all", "env")]
        self.assertEqual(len(names), len(set(names)))

    def test_the_later_source_wins(self):
        """base < environment_file < [env] < mvm-env.env"""
        e = self.environment()
        self.assertEqual((e["ALL"], e["INIT"], e["INIT_AND_SERVICE"], e["SERVICE"], e["EXTRA"]),
                         ("file", "init.ini", "service", "service", "environment_file"))

    def test_an_environment_file_that_may_be_absent(self):
        self.assertIn("EXTRA=environment_file", self.output.facts("there", "env"))
        self.assertNotIn("EXTRA=environment_file", self.output.facts("not-there", "env"))
        self.assert_init(".*absent.env.*", count=0)

    def test_what_an_account_gives_can_be_set(self):
        e = self.environment()
        self.assertEqual((e["USER"], e["LOGNAME"], e["HOME"], e["SHELL"], e["PATH"]),
                         ("web", "web", "/nowhere", "/bin/mine", "/opt/bin:/bin"))

    def test_values_of_a_service_file_are_literal(self):
        e = self.environment()
        self.assertEqual((e["SEMICOLON"], e["QUOTES"]), ("a ; b # c", '"kept"'))

    def test_a_health_check_has_its_services_environment_and_directory(self):
        self.assert_line("after-checked", "healthy")

    def test_bad_lines_are_named_and_skipped(self):
        lines = HOSTILE.split("\n")
        bad = [i + 1 for i, l in enumerate(lines)
               if l in ("1BAD=x", "just words", "=no name", "export", "bad name=x")]
        self.assertEqual(len(bad), 5)
        self.assertEqual([l for l in self.output.init() if "mvm-env.env" in l],
                         ["/mnt/config/mvm-env.env:%d: %s" % (n, text) for n, text in sorted(
                             [(n, "not NAME=VALUE, line skipped") for n in bad] +
                             [(lines.index(l) + 1, "quote opened here is never closed, "
                               "variable skipped") for l in lines if l.startswith(("OPEN", "HALF"))])])


class EnvironmentOnExt4(Environment, cases.SharedBoot):
    pass


class EnvironmentOnSquashfs(Environment, cases.SharedBoot):
    root = "squashfs"


class Trouble(cases.GuestCase):
    """Bad environment files: one line, and services run with the other variables."""

    def boot_with(self, tree, line, size_mib=4):
        guest = self.guest(agent=False)
        guest.drive("mvm-config", readonly=True, tree=tree, size_mib=size_mib)
        guest.service("sees", "/bin/facts env + echo done + sleep", env={"A": "service"})
        machine = self.boot(guest)
        self.wait_init(machine, line)
        machine.console.wait_line("sees: done")
        self.assertIn("A=service", self.output(machine).facts("sees", "env"))
        return self.output(machine)

    def test_a_directory(self):
        self.boot_with(Tree().directory("/mvm-env.env"),
                       "cannot read /mnt/config/mvm-env.env: Is a directory")

    def test_a_huge_file(self):
        self.boot_with(Tree().file("/mvm-env.env", "A=%s\n" % ("x" * 300000)),
                       "cannot read /mnt/config/mvm-env.env: File too large")

    def test_binary_rubbish(self):
        output = self.boot_with(Tree().file("/mvm-env.env", b"B=1\nC=2\0\nD=3\n" + bytes(range(256))),
                                "/mnt/config/mvm-env.env: NUL bytes in 2 lines, first in line 2.*")
        self.assertIn("B=1", output.facts("sees", "env"))

    def test_a_value_too_long_for_the_kernel(self):
        """execve(2) takes 128 KiB a string: the start fails with a reason, and PID 1 goes on."""
        guest = self.guest(agent=False)
        guest.drive("mvm-config", {"mvm-env.env": "A=%s\n" % ("x" * 200000)}, readonly=True)
        guest.facts("sees", "env")
        machine = self.boot(guest)
        self.wait_init(machine, "sees: exec /bin/facts: Argument list too long, restart in .* s")


if __name__ == "__main__":
    main()
