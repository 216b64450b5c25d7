#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Secrets: which files are copied, and who can read them."""
import hashlib

import cases
from rig.images import Tree
from rig.tap import main

BIG = bytes(range(256)) * 8192          # 2 MiB


def secrets():
    """A drive as hosts make it, with unusual files added."""
    return (Tree().file("/key", "s3cret\n", mode=0o400).file("/.env", "HIDDEN=1\n", mode=0o400)
            .file("/empty", "", mode=0o400).file("/big", BIG, mode=0o400)
            .file("/open", "for all\n", mode=0o666, uid=1234, gid=1234)
            .file("/tool", "#!/bin/sh\n", mode=0o4755)
            .directory("/tls", mode=0o700).file("/tls/key.pem", "pem\n", mode=0o600)
            .file("/tls/.hidden/deep/er", "deep\n", mode=0o400)
            .symlink("/alias", "tls/key.pem"))


class Secrets:
    """One member of the service group, one outsider, and root."""

    @classmethod
    def prepare(cls, guest):
        guest.user("web", 1000).user("other", 1001, groups=())
        guest.busybox()
        guest.drive("mvm-secrets", readonly=True, tree=secrets(), size_mib=8)
        names = "key .env empty open tool tls/key.pem tls/.hidden/deep/er alias"
        paths = " ".join("/mnt/secrets/" + n for n in names.split())
        reads = "read %s" % paths
        guest.facts("mvm", reads)
        guest.facts("web", reads, user="web")
        guest.facts("other", "%s + ls /mnt/secrets /run/mvm /run/mvm/secrets + stat %s + "
                    "read /run/mvm/secrets/key /dev/vdb /proc/1/environ /proc/1/maps" % (
                        reads, paths), user="other")
        guest.facts("extra", "read /mnt/secrets/key", user="other", supplementary_groups="mvm")
        guest.facts("raw", "read /run/mvm/secrets/key /dev/vdb")
        guest.facts("root", "stat %s /mnt/secrets/tls /mnt/secrets/tls/.hidden + "
                    "ls /mnt/secrets /mnt/secrets/tls /run/mvm" % paths, user="root")
        guest.service("sum", "/bin/busybox sha256sum /mnt/secrets/big")
        changes = ("touch /mnt/secrets/new", "rm -f /mnt/secrets/key",
                   "sed -i s/s/x/ /mnt/secrets/key", "chmod 644 /mnt/secrets/key",
                   "mv /mnt/secrets/key /mnt/secrets/yek")
        for i, change in enumerate(changes):
            guest.service("change-%d" % i, "/bin/busybox " + change, user="root", restart="never")

    @classmethod
    def observe(cls, machine):
        for line in ("mvm: done", "web: done", "other: done", "extra: done", "raw: done",
                     "root: done", "sum: .*secrets/big", r"\[init\] change-0: exit code .*",
                     r"\[init\] change-1: exit code .*", r"\[init\] change-2: exit code .*",
                     r"\[init\] change-3: exit code .*", r"\[init\] change-4: exit code .*"):
            machine.console.rewind()
            machine.console.wait_line(line)

    def test_the_group_reads_everything(self):
        for who in ("mvm", "web"):
            self.assertEqual(self.output.facts(who, "read"), [
                "/mnt/secrets/key ok s3cret", "/mnt/secrets/.env ok HIDDEN=1",
                "/mnt/secrets/empty ok ", "/mnt/secrets/open ok for all",
                "/mnt/secrets/tool ok #!/bin/sh", "/mnt/secrets/tls/key.pem ok pem",
                "/mnt/secrets/tls/.hidden/deep/er ok deep", "/mnt/secrets/alias ok pem"])

    def test_nobody_else_reads_anything(self):
        reads = self.output.facts("other", "read")
        self.assertEqual(len(reads), 12)
        self.assertEqual([r for r in reads if not r.endswith(" EACCES")], [])

    def test_nobody_else_sees_what_there_is(self):
        self.assertEqual(self.output.facts("other", "ls"), [
            "/mnt/secrets EACCES", "/run/mvm EACCES", "/run/mvm/secrets EACCES"])
        self.assertEqual([s for s in self.output.facts("other", "stat")
                          if not s.endswith(" EACCES")], [])

    def test_a_supplementary_group_opens_them(self):
        self.assert_line("extra", "read: /mnt/secrets/key ok s3cret")

    def test_the_group_has_no_way_around_the_copy(self):
        self.assertEqual(self.output.facts("raw", "read"),
                         ["/run/mvm/secrets/key EACCES", "/dev/vdb EACCES"])

    def test_owner_and_mode_of_every_file(self):
        stats = {s.split()[0]: s.split()[1:4] for s in self.output.facts("root", "stat")}
        self.assertEqual(len(stats), 10)
        for path, (mode, uid, gid) in stats.items():
            with self.subTest(path):
                kind = {"/mnt/secrets/tls": "040550", "/mnt/secrets/tls/.hidden": "040550",
                        "/mnt/secrets/alias": "120777"}.get(path, "100440")
                self.assertEqual(mode, kind)
                if kind != "120777":
                    self.assertEqual((uid, gid), ("uid=0", "gid=900"))

    def test_nothing_else_is_there(self):
        """No lost+found, no temporary files, and no mount point of the drive."""
        listed = {}
        for directory, name in (f.split() for f in self.output.facts("root", "ls")):
            listed.setdefault(directory, set()).add(name)
        self.assertEqual(listed["/mnt/secrets"],
                         {"key", ".env", "empty", "big", "open", "tool", "tls", "alias"})
        self.assertEqual(listed["/mnt/secrets/tls"], {"key.pem", ".hidden"})
        self.assertNotIn("secrets-drive", listed["/run/mvm"])

    def test_a_large_file_is_whole(self):
        self.assertEqual(self.output.lines("sum")[0].split()[0], hashlib.sha256(BIG).hexdigest())

    def test_not_even_root_changes_them(self):
        for i in range(5):
            self.assert_init(r"change-%d: exit code [1-9]\d* after .*" % i)
            self.assertTrue([l for l in self.output.lines("change-%d" % i)
                             if "Read-only file system" in l])

    def test_the_drive_is_not_mounted(self):
        self.assertRegex(self.output.text, r"EXT4-fs \(vdb\): unmounting filesystem")
        self.assert_init(r"mounted secrets drive \(vdb\)")


class SecretsOnExt4(Secrets, cases.SharedBoot):
    pass


class SecretsOnSquashfs(Secrets, cases.SharedBoot):
    root = "squashfs"


class Trouble(cases.GuestCase):
    def test_more_than_fits(self):
        """Secrets that do not fit are reported, the others are there, and the guest works."""
        guest = self.guest(agent=False)
        guest.drive("mvm-secrets", readonly=True, size_mib=96, tree=Tree().file("/a", "a\n")
                    .file("/huge", bytes(70 << 20)).file("/z", "z\n"))
        guest.facts("sees", "read /mnt/secrets/a /mnt/secrets/z /mnt/secrets/huge + write /tmp/new")
        machine = self.boot(guest)
        self.wait_init(machine, "secret huge cannot be copied: No space left on device")
        self.wait_init(machine, r"mounted secrets drive \(vdb\)")
        for line in ("read: /mnt/secrets/a ok a", "read: /mnt/secrets/z ok z",
                     "read: /mnt/secrets/huge ENOENT", "write: /tmp/new ok"):
            machine.console.wait_line("sees: " + line)

    def test_a_service_group_that_is_not_there(self):
        """Then only root reads the secrets, and a missing default user is reported."""
        guest = self.guest("squashfs", agent=False)
        guest.init_ini(guest={"service_group": "staff"})
        guest.user("web", 1000)
        guest.drive("mvm-secrets", {"key": "s3cret"}, readonly=True)
        guest.facts("default", "id")
        guest.facts("web", "read /mnt/secrets/key", user="web")
        guest.facts("root", "read /mnt/secrets/key", user="root")
        machine = self.boot(guest)
        self.wait_init(machine, "secrets: .*'staff'.*: only root can read them")
        self.wait_init(machine, "default: .*'staff'.*")
        self.wait_init(machine, "mvm-init .*: 2 of 3 services started")
        machine.console.rewind()
        machine.console.wait_line("web: read: /mnt/secrets/key EACCES")
        machine.console.rewind()
        machine.console.wait_line("root: read: /mnt/secrets/key ok s3cret")

    def test_blank_secrets_drive(self):
        guest = self.guest(agent=False)
        guest.init_ini(drives={"secrets": "/dev/vdb"})
        guest.blank_drive(readonly=True)
        guest.facts("sees", "ls /mnt/secrets + mountinfo")
        machine = self.boot(guest)
        machine.console.wait_line("sees: done")
        output = self.output(machine)
        self.assertEqual([l for l in output.init() if "vdb" in l],
                         ["cannot mount /dev/vdb on /run/mvm/secrets-drive "
                          "(no ext4 file system on it?): Invalid argument"])
        self.assertNotIn("/mnt/secrets", output.mounts("sees"))


if __name__ == "__main__":
    main()
