#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A service's identity: ids, groups, capabilities, limits; and messages when it cannot start."""
import struct

import cases
from rig import build
from rig.tap import main

NONE, ALL = "0000000000000000", "000001ffffffffff"
BIND = "%016x" % (1 << 10)              # CAP_NET_BIND_SERVICE


def dynamic_program(loader):
    """An ELF file that only names a loader."""
    name = loader.encode() + b"\0"
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, {"x86_64": 62, "aarch64": 183}[
        build.GUEST_ARCH], 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 3, 4, 120, 0, 0, len(name), len(name), 1) + name


class Identity:
    @classmethod
    def prepare(cls, guest):
        guest.user("web", 1000, home="/home/web").user("plain", 1001, groups=())
        guest.user("both", 1002, gid=1000, groups=("mvm",))
        guest.group("broken", "nope", ["web", "both", "mvm"])
        guest.group("log", 2000, ["web", "both"]).group("disk", 2001)
        guest.tree.copy(build.program("facts"), "/bin/suid", mode=0o4755)
        guest.tree.directory("/srv/web", mode=0o700, uid=1000, gid=1000)

        def who(name, **keys):
            guest.facts(name, "id", **keys)
        who("default")
        who("root", user="root")
        who("root-bounded", user="root", capabilities="CAP_NET_BIND_SERVICE")
        who("web", user="web")
        who("plain", user="plain")
        who("both", user="both", supplementary_groups="disk 3000")
        who("by-number", user="1000")
        who("unlisted", user="4242")
        who("bind", user="web", capabilities="net_bind_service")
        who("new-privs", user="web", no_new_privs="no")
        who("placed", user="web", working_directory="/srv/web", umask="027")
        guest.facts("limited", "cat /proc/self/limits /proc/self/oom_score_adj /proc/self/stat",
                    limit_nofile="64:128", limit_core="infinity", limit_nproc="50", limit_stack="1M",
                    oom_score_adj="321", nice="7")
        guest.facts("port", "tcp-echo 80", user="web")
        guest.facts("port-cap", "tcp-echo 81", user="web", capabilities="CAP_NET_BIND_SERVICE")
        guest.facts("suid", "run /bin/suid id")
        guest.facts("suid-new", "run /bin/suid id", no_new_privs="no")
        guest.facts("wants", "write /bin/facts /etc/passwd /home/x")

    @classmethod
    def observe(cls, machine):
        for name in ("default root root-bounded web plain both by-number unlisted bind new-privs "
                     "placed limited port suid suid-new wants").split():
            machine.console.rewind()
            machine.console.wait_line("%s: done" % name)
        machine.console.rewind()
        machine.console.wait_line("port-cap: tcp-echo: 81 .*")

    def identity(self, name):
        """(ids, {capability set or NoNewPrivs: value}, the rest) of facts' id."""
        lines = self.output.facts(name, "id")
        return lines[0].split(" session")[0], dict(l.split() for l in lines[1:-1]), lines[-1]

    def ids(self, uid, gid, groups):
        return "uid=%d euid=%d gid=%d egid=%d groups=%s" % (uid, uid, gid, gid, groups)

    def assert_capabilities(self, name, inheritable, permitted, bounding, ambient):
        caps = self.identity(name)[1]
        self.assertEqual([caps["Cap" + s] for s in ("Inh", "Prm", "Eff", "Bnd", "Amb")],
                         [inheritable, permitted, permitted, bounding, ambient])

    def test_ids_and_groups(self):
        for name, uid, gid, groups in (
                ("default", 900, 900, "900"), ("root", 0, 0, "0"), ("web", 1000, 1000,
                                                                   "900,1000,2000"),
                ("plain", 1001, 1001, "1001"), ("both", 1002, 1000, "900,1000,2000,2001,3000"),
                ("by-number", 1000, 1000, "900,1000,2000"), ("unlisted", 4242, 4242, "4242")):
            with self.subTest(name):
                self.assertEqual(self.identity(name)[0], self.ids(uid, gid, groups))

    def test_a_bad_group_is_named_once_and_costs_nothing_else(self):
        self.assert_init(r"/etc/group:\d+: bad gid, line ignored", count=1)

    def test_every_service_leads_its_session_and_group(self):
        for name in ("default", "root", "web", "bind"):
            self.assertIn("session-leader=yes group-leader=yes",
                          self.output.facts(name, "id")[0])

    def test_plain_users_have_no_capabilities(self):
        for name in ("default", "web", "plain", "both", "by-number", "unlisted", "new-privs"):
            with self.subTest(name):
                self.assert_capabilities(name, NONE, NONE, NONE, NONE)

    def test_root_is_root_only_when_asked(self):
        self.assert_capabilities("root", NONE, ALL, ALL, NONE)

    def test_root_with_a_list_of_capabilities(self):
        self.assert_capabilities("root-bounded", NONE, BIND, BIND, NONE)

    def test_capabilities_of_a_user(self):
        self.assert_capabilities("bind", BIND, BIND, BIND, BIND)

    def test_a_capability_is_good_for_something(self):
        self.assert_line("port", "tcp-echo: 80 EACCES")
        self.assert_line("port-cap", "tcp-echo: 81 listening")

    def test_no_new_privs(self):
        for name, value in (("default", "1"), ("root", "1"), ("bind", "1"), ("new-privs", "0")):
            self.assertEqual(self.identity(name)[1]["NoNewPrivs"], value, name)

    def test_a_setuid_program_gives_nothing(self):
        self.assertIn("uid=900 euid=900", self.output.facts("suid", "id")[0])

    def test_a_setuid_program_gives_no_capabilities_even_where_it_may(self):
        self.assertIn("uid=900 euid=0", self.output.facts("suid-new", "id")[0])
        self.assert_capabilities("suid-new", NONE, NONE, NONE, NONE)

    def test_directory_and_umask(self):
        self.assertEqual(self.identity("placed")[2], "cwd=/srv/web umask=027 ppid=1")
        self.assertEqual(self.identity("default")[2], "cwd=/ umask=022 ppid=1")

    def test_limits(self):
        limits = {l[:25].strip(): l[25:].split()[:2]
                  for l in self.output.facts("limited", "/proc/self/limits")}
        self.assertEqual(limits["Max open files"], ["64", "128"])
        self.assertEqual(limits["Max core file size"], ["unlimited", "unlimited"])
        self.assertEqual(limits["Max processes"], ["50", "50"])
        self.assertEqual(limits["Max stack size"], ["1048576", "1048576"])

    def test_nice_and_oom_score(self):
        self.assert_line("limited", "/proc/self/oom_score_adj: 321")
        stat = self.output.facts("limited", "/proc/self/stat")[0].split(") ")[1].split()
        self.assertEqual(stat[16], "7")

    def test_what_belongs_to_root_stays_so(self):
        for write in self.output.facts("wants", "write"):
            self.assertRegex(write, "EACCES$|^/bin/facts EROFS$")


class IdentityOnExt4(Identity, cases.SharedBoot):
    pass


class IdentityOnSquashfs(Identity, cases.SharedBoot):
    root = "squashfs"


class CannotStart(cases.SharedBoot):
    """Messages for starts that fail in the child, and for those that cannot be tried."""

    LATER = r", restart in (2[7-9]|3[0-3])\.\d s"       # 30 s, give or take a tenth
    CASES = (
        # name, keys, what PID 1 says behind the name
        ("absent", {"command": "/bin/absent --x"},
         "exec /bin/absent: No such file or directory" + LATER),
        ("not-on-path", {"command": "absent --x"}, "exec absent: No such file or directory" + LATER),
        ("data", {"command": "/etc/data"}, "exec /etc/data: Permission denied" + LATER),
        ("closed", {"command": "/bin/closed"}, "exec /bin/closed: Permission denied" + LATER),
        ("text", {"command": "/etc/text"}, "exec /etc/text: Exec format error" + LATER),
        ("directory", {"command": "/etc"}, "exec /etc: Permission denied" + LATER),
        ("below-file", {"command": "/etc/data/x"}, "exec /etc/data/x: Not a directory" + LATER),
        ("no-interpreter", {"command": "/etc/script"},
         "exec /etc/script, interpreter /bin/absent: No such file or directory" + LATER),
        ("crlf", {"command": "crlf x"}, r"exec crlf, interpreter /bin/facts\\r \(its line ends in CR LF\): "
         "No such file or directory" + LATER),
        ("no-loader", {"command": "/bin/dynamic"},
         "exec /bin/dynamic, interpreter /lib/absent-ld.so: No such file or directory" + LATER),
        ("by-data", {"command": "/etc/by-data"},
         "exec /etc/by-data, interpreter /etc/data: Permission denied" + LATER),
        ("loop", {"command": "/etc/loop"}, "exec /etc/loop: Symbolic link loop" + LATER),
        ("no-directory", {"command": "/bin/facts id", "working_directory": "/absent"},
         "working directory /absent: No such file or directory" + LATER),
        ("closed-directory", {"command": "/bin/facts id", "working_directory": "/root"},
         r"working directory /root: Permission denied, restart in 0\.1 s"),
        ("no-such-user", {"command": "/bin/facts id", "user": "nobody-here"},
         "no user 'nobody-here' in the passwd file"),
        ("no-such-group", {"command": "/bin/facts id", "supplementary_groups": "none-here"},
         "no group 'none-here' in the group file"),
        ("no-env-file", {"command": "/bin/facts id", "environment_file": "/etc/absent.env"},
         "environment_file /etc/absent.env: No such file or directory"),
        ("once", {"command": "/bin/absent", "restart": "never"},
         "exec /bin/absent: No such file or directory, not started again"),
    )

    @classmethod
    def prepare(cls, guest):
        guest.tree.file("/etc/data", "data", mode=0o644).file("/etc/text", "text", mode=0o755)
        guest.tree.file("/etc/script", "#!/bin/absent\n", mode=0o755)
        guest.tree.file("/bin/crlf", "#! /bin/facts\r\nid\r\n", mode=0o755)
        guest.tree.file("/etc/by-data", "#!/etc/data -x\n", mode=0o755)
        guest.tree.file("/bin/dynamic", dynamic_program("/lib/absent-ld.so"), mode=0o755)
        guest.tree.file("/bin/closed", "text", mode=0o700).symlink("/etc/loop", "loop")
        for name, keys, _ in cls.CASES:
            guest.service(name, **keys)
        guest.facts("good", "echo fine")

    @classmethod
    def observe(cls, machine):
        for name, _, _ in cls.CASES:
            machine.console.rewind()
            machine.console.wait_line(r"\[init\] %s: .*" % name)
        machine.console.rewind()
        machine.console.wait_line("good: done")

    def test_reasons(self):
        lines = self.output.init()
        for name, _, expected in self.CASES:
            with self.subTest(name):
                said = [l[len(name) + 2:] for l in lines if l.startswith(name + ": ")]
                self.assertRegex(said[0], "^%s$" % expected)

    def test_three_cannot_be_tried(self):
        self.assert_init("3 services cannot run")
        self.assert_init("mvm-init .*: 16 of 19 services started")

    def test_the_others_run(self):
        self.assert_line("good", "fine")


if __name__ == "__main__":
    main()
