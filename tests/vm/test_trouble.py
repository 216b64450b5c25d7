#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bad files and full file systems: clear lines, and the rest works."""
import cases
import protocol
from rig.tap import main

DIR = "/etc/mvm/services.d/"


class WrongFiles:
    """One bad file of each kind among good ones. NAME: (text or None, lines of PID 1 about it)."""

    FILES = {
        "rubbish": (bytes(range(1, 256)) * 40, [DIR + r"rubbish\.ini:\d+: .*"] * 8 +
                    [DIR + r"rubbish\.ini: and \d+ more errors"]),
        "nul": (b"[service]\ncommand = /bin/facts sleep\0\n",
                [DIR + r"nul\.ini:0: has a NUL byte: not a text file"]),
        "empty": ("", [DIR + r"empty\.ini: no command in \[service\]"]),
        "huge": ("# " + "x" * 300000 + "\n", [r"cannot read " + DIR + r"huge\.ini: File too large"]),
        "long": ("[service]\ncommand = /bin/facts echo " + "x" * 70000 + "\n",
                 [DIR + r"long\.ini:\d+: .*"]),
        "no-section": ("command = /bin/facts sleep\n",
                       [DIR + r"no-section\.ini:1: 'command' is in no section; known are "
                        r"\[service\] and \[env\]"]),
        "section": ("[Service]\ncommand = /bin/facts sleep\n",
                    [DIR + r"section\.ini:2: 'command' is in the unknown section \[Service\]; "
                     r"known are \[service\] and \[env\]"]),
        "key": ("[service]\ncommand = /bin/facts sleep\ncolour = red\n",
                [DIR + r"key\.ini:3: unknown key 'colour' in \[service\]"]),
        "twice": ("[service]\ncommand = /bin/facts sleep\ncommand = /bin/facts id\n",
                  [DIR + r"twice\.ini:3: command is set twice"]),
        "value": ("[service]\ncommand = /bin/facts sleep\nrestart = sometimes\n",
                  [DIR + r"value\.ini:3: restart: 'sometimes' is not one of: always, on-failure, never"]),
        "quote": ("[service]\ncommand = /bin/facts 'sleep\n", [DIR + r"quote\.ini:2: command: .*"]),
        "no-value": ("[service]\ncommand\n", [DIR + r"no-value\.ini:2: not a \[section\] and not KEY = VALUE"]),
        "variable": ("[service]\ncommand = /bin/facts sleep\n[env]\n1X = y\n",
                     [DIR + r"variable\.ini:4: '1X' cannot name an environment variable"]),
        "unknown": ("[service]\ncommand = /bin/facts sleep\nuser = nobody-here\n",
                    [r"unknown: no user 'nobody-here' in the passwd file"]),
        "limit": ("[service]\ncommand = /bin/facts sleep\nlimit_nofile = many\n",
                  [DIR + r"limit\.ini:3: limit_nofile: 'many' is not SOFT or SOFT:HARD .*"]),
        "directory": (None, [r"cannot read " + DIR + r"directory\.ini: Is a directory"]),
        "dangling": (None, [r"cannot read " + DIR + r"dangling\.ini: No such file or directory"]),
        "endless": (None, [r"cannot read " + DIR + r"endless\.ini: File too large"]),
        "with space": ("[service]\ncommand = /bin/facts sleep\n",
                       [DIR[:-1] + r"/with space\.ini: a service's name has 1 to 63 of .*: "
                        r"file ignored"]),
    }
    SILENT = (".hidden.ini", "README", "web.ini~", "web.ini.bak", "x.INI")

    @classmethod
    def prepare(cls, guest):
        for name, (text, _) in cls.FILES.items():
            if text is not None:
                guest.service_file(name, text)
        guest.tree.directory(DIR + "directory.ini")
        guest.tree.symlink(DIR + "dangling.ini", "/nowhere")
        guest.tree.symlink(DIR + "endless.ini", "/dev/zero")
        for name in cls.SILENT:
            guest.tree.file(DIR + name, "no ini at all")
        guest.tree.file("/etc/mvm/init.ini", "[guest]\nhostname = web-1\ncolour = red\n[drivez]\n"
                                             "config = /dev/vdb\n[drives]\ndata = vdb\nrubbish\n")
        guest.tree.file("/etc/mvm/integrations.d/bad.json", "{\"name\":")
        guest.tree.file("/etc/mvm/probes.d/bad.json", b"\xff\xfe")
        guest.integration("web", health_cmd="/bin/facts exit 0")
        # CRLF, comments, no space around "=", a byte order mark, a line without its end.
        guest.service_file("windows", b"\xef\xbb\xbf[service]\r\n; a comment\r\n# another\r\n"
                                      b"command=/bin/facts echo fine + sleep")
        guest.facts("last", "cat /proc/sys/kernel/hostname")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("last: done")
        machine.console.rewind()
        machine.console.wait_line("mvm-guest-agent: listening .*")

    def said_of(self, name):
        return [l for l in self.output.init()
                if DIR + name + ".ini" in l or l.startswith(name + ": ")]

    def test_every_wrong_file_is_named(self):
        for name, (_, expected) in self.FILES.items():
            with self.subTest(name):
                said = self.said_of(name)
                self.assertRegex(said[0], "^" + expected[0] + "$")
                self.assertRegex(said[-1], "^" + expected[-1] + "$")
                self.assertEqual(len(said), len(expected), said)

    def test_other_files_are_none_of_ours(self):
        for name in self.SILENT:
            self.assertFalse([l for l in self.output.init() if name in l], name)

    def test_the_sum(self):
        self.assert_init("%d services cannot run" % len(self.FILES))
        self.assert_init("mvm-init .*: 2 of %d services started" % (len(self.FILES) + 2 - 1))

    def test_the_others_run(self):
        self.assert_line("windows", "fine")
        self.assert_line("last", "done")

    def test_init_ini(self):
        self.assert_line("last", "/proc/sys/kernel/hostname: web-1")
        self.assertEqual([l for l in self.output.init() if "init.ini" in l], [
            "/etc/mvm/init.ini:3: unknown key 'colour' in section [guest]",
            "/etc/mvm/init.ini:5: unknown key 'config' in section [drivez]",
            "/etc/mvm/init.ini:7: data: 'vdb' is not an absolute path",
            "/etc/mvm/init.ini:8: not a [section] and not KEY = VALUE"])

    def test_the_agent_goes_on_without_its_bad_files(self):
        lines = self.output.lines("mvm-guest-agent")
        for directory in ("integrations.d", "probes.d"):
            self.assertEqual(len([l for l in lines if directory + "/bad.json" in l]), 1)
        self.assertIn("listening on vsock port 52 (1 integrations, 0 probes)", lines)


class WrongFilesOnExt4(WrongFiles, cases.SharedBoot):
    pass


class WrongFilesOnSquashfs(WrongFiles, cases.SharedBoot):
    root = "squashfs"


class Full(cases.GuestCase):
    def fill(self, root, *paths, user=None, memory_mib=256):
        """
        Fills files until writes fail; then a service restarts, another one starts for the first time,
        and the guest shuts down. Returns the output.
        """
        guest = self.guest(root)
        guest.busybox("sh", "touch", "kill")
        guest.drive("mvm-data")
        fill = " + ".join("fill " + p for p in paths)
        guest.facts("fills", fill, user=user or "mvm")
        guest.service("again", "/bin/acts clock life + nap 200 + /bin/facts exit 1")
        guest.service("waits", "/bin/facts write /mnt/data/x + echo came later + sleep",
                      user="root", on_boot_delay="3s")
        machine = self.boot(guest, memory_mib=memory_mib)
        for path in paths:
            machine.console.wait_line("fills: fill: %s .* ENOSPC" % path)
        machine.console.wait_line("again: clock: .*")
        machine.console.rewind()
        machine.console.wait_line("waits: came later")
        self.assertEqual(protocol.ask(machine, "Ping"), "Pong")
        self.end(machine)
        return self.output(machine)

    def test_tmp(self):
        self.fill("ext4", "/tmp/full")

    def test_run(self):
        self.fill("squashfs", "/run/full", user="root")

    def test_changes_of_a_read_only_root(self):
        output = self.fill("squashfs", "/var/full", "/etc/full", "/root/full", user="root")
        self.assertEqual([f for f in output.facts("fills", "fill") if f.split()[1] == "0"],
                         ["/etc/full 0 ENOSPC", "/root/full 0 ENOSPC"])

    def test_all_that_a_service_can_fill_at_once(self):
        """Together they must leave memory for the guest."""
        output = self.fill("squashfs", "/tmp/full", "/dev/shm/full")
        self.assertNotRegex(output.text, "Out of memory|oom-kill|invoked oom")

    def test_everything(self):
        output = self.fill("squashfs", "/tmp/full", "/dev/shm/full", "/var/full", "/run/full",
                           user="root")
        self.assertNotRegex(output.text, "Out of memory|oom-kill|invoked oom")


if __name__ == "__main__":
    main()
