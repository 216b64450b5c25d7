# SPDX-License-Identifier: MIT
"""A guest of ours, put together from parts: root file system, drives, machine."""
import json
import os
import tempfile

from . import build, images
from .machine import ADDRESS, GATEWAY, Drive, Machine

SERVICE_ID = 900        # uid and gid of the service group's user
AGENT_ID = 901
AGENT = "/usr/bin/mvm-guest-agent"

_DIRECTORIES = ("/bin", "/dev", "/etc/mvm/services.d", "/etc/mvm/integrations.d",
                "/etc/mvm/probes.d", "/home", "/mnt/config", "/mnt/data", "/mnt/secrets", "/proc",
                "/run", "/sbin", "/sys", "/usr/bin", "/var/log")


def _ini(sections):
    text = ""
    for name, keys in sections.items():
        text += "[%s]\n" % name + "".join("%s = %s\n" % kv for kv in keys.items()) + "\n"
    return text


class Guest:
    """
    The parts of a guest. Add to it, then boot(); it can be booted again with the same drives.

        guest = Guest("squashfs")
        guest.service("web", "/bin/busybox httpd -f -p 8080 -h /srv", env={"PORT": "8080"})
        guest.busybox()
        guest.drive("mvm-config", {"config.json": "{}"}, readonly=True)
        with guest.boot() as machine:
            machine.console.wait_line("web: .*")

    .tree is the root file system, for everything that has no method here.
    root          "ext4" or "squashfs"
    writable      the root drive is writable (ext4 only)
    agent         put the guest agent in
    init          path of another program to be PID 1
    """

    def __init__(self, root="ext4", writable=None, agent=True, init=None):
        self.root = root
        self.writable = root == "ext4" if writable is None else writable
        self.network = True
        self.drives = []                # Drive objects for vdb, vdc, ...
        self._directory = tempfile.TemporaryDirectory(prefix="guest-")
        self._root_image = None
        self._users = {"root": (0, 0, "/root"), "mvm": (SERVICE_ID, SERVICE_ID, "/"),
                       "mvm-agent": (AGENT_ID, AGENT_ID, "/")}
        self._groups = {"root": (0, []), "mvm": (SERVICE_ID, []), "mvm-agent": (AGENT_ID, [])}
        self.tree = images.Tree()
        for path in _DIRECTORIES:
            self.tree.directory(path)
        self.tree.directory("/root", mode=0o700)
        self.tree.directory("/tmp", mode=0o1777)
        self.tree.copy(init or build.built("init"), "/init")
        self.tree.symlink("/sbin/init", "/init")
        self.tree.symlink("/sbin/vminitd", "/init")
        for program in ("facts", "acts"):
            self.tree.copy(build.program(program), "/bin/" + program)
        if agent:
            self.tree.copy(build.built("mvm-guest-agent"), AGENT)

    # Contents

    def user(self, name, uid, gid=None, home="/", groups=("mvm",)):
        """An account; gid None: a group of the same name and number. groups: supplementary."""
        if gid is None:
            gid = uid
            self._groups.setdefault(name, (gid, []))
        self._users[name] = (uid, gid, home)
        for group in groups:
            self._groups[group][1].append(name)
        return self

    def group(self, name, gid, members=()):
        self._groups[name] = (gid, list(members))
        return self

    def init_ini(self, **sections):
        """/etc/mvm/init.ini: init_ini(guest={"hostname": "web-1"}, drives={...})."""
        self.tree.file("/etc/mvm/init.ini", _ini(sections))
        return self

    def service(self, name, command, env=None, **keys):
        """/etc/mvm/services.d/NAME.ini; keys as in the file: user="web", restart="never" ..."""
        sections = {"service": dict(command=command, **keys)}
        if env:
            sections["env"] = env
        return self.service_file(name, _ini(sections))

    def service_file(self, name, text):
        """The same with the file's text given, also a wrong one."""
        self.tree.file("/etc/mvm/services.d/%s.ini" % name, text)
        return self

    def facts(self, name, modes, **keys):
        """
        A service that runs the modes of payload/facts.c once, and then sleeps:
        facts("who", "id + read /mnt/secrets/key"). Its lines come as "who: id: uid=900 ...".
        """
        return self.service(name, "/bin/facts %s + echo done + sleep" % modes, **keys)

    def integration(self, name, **keys):
        """/etc/mvm/integrations.d/NAME.json with its name and these keys."""
        self.tree.file("/etc/mvm/integrations.d/%s.json" % name, json.dumps({"name": name, **keys}))
        return self

    def probe(self, name, **keys):
        """/etc/mvm/probes.d/NAME.json with its name and these keys."""
        self.tree.file("/etc/mvm/probes.d/%s.json" % name, json.dumps({"name": name, **keys}))
        return self

    def agent_json(self, **keys):
        self.tree.file("/etc/mvm/agent.json", json.dumps(keys))
        return self

    def busybox(self, *applets):
        """busybox as /bin/busybox, and links to it in /bin: busybox("sh", "httpd")."""
        self.tree.copy(build.built("busybox", "/bin", "tests/install-packages vm"), "/bin/busybox")
        for applet in applets:
            self.tree.symlink("/bin/" + applet, "busybox")
        return self

    # Drives

    def image_path(self, name):
        """A path for an image file that lives as long as the guest."""
        return os.path.join(self._directory.name, name)

    def drive_image(self, label, files=None, size_mib=4, tree=None):
        """
        An ext4 image with these files ({name: content}) or this Tree; label None: without one.
        Returns its path: for drive(), or for Machine.replace_drive().
        """
        tree = tree or images.Tree()
        for name, content in (files or {}).items():
            tree.file("/" + name, content, mode=0o600)
        number = len(os.listdir(self._directory.name))
        return tree.ext4(self.image_path("drive-%d.img" % number), label, size_mib)

    def drive(self, label, files=None, readonly=False, size_mib=4, tree=None):
        """Adds the next drive (vdb first) with such an image; returns its path."""
        path = self.drive_image(label, files, size_mib, tree)
        self.drives.append(Drive(path, readonly))
        return path

    def blank_drive(self, size_mib=4, readonly=False):
        """Adds a drive without a file system."""
        path = images.blank(self.image_path("blank-%d.img" % len(self.drives)), size_mib)
        self.drives.append(Drive(path, readonly))
        return path

    # Boot

    def root_image(self):
        """The root file system's image, made at the first call."""
        if self._root_image is None:
            passwd = "".join("%s:x:%d:%d::%s:/bin/sh\n" % ((n,) + u)
                             for n, u in self._users.items())
            group = "".join("%s:x:%d:%s\n" % (n, gid, ",".join(members))
                            for n, (gid, members) in self._groups.items())
            for path, text in (("/etc/passwd", passwd), ("/etc/group", group)):
                if path not in self.tree.paths():
                    self.tree.file(path, text)
            path = self.image_path("root." + self.root)
            if self.root == "ext4":
                self.tree.ext4(path, label="mvm")
            else:
                self.tree.squashfs(path)
            self._root_image = path
        return self._root_image

    def machine(self, append="", arguments=None, **options):
        """
        The machine, not started. append: more words for the kernel's command line; arguments: words
        in place of the usual ones; options: Machine's.
        """
        if arguments is None:
            arguments = "init=/init net.ifnames=0"
            if self.network:
                arguments += " mvm.ip=%s/24 mvm.gw=%s" % (ADDRESS, GATEWAY)
        words = (arguments + " " + append).strip()
        if options.get("virtual_time") and " -- " not in words:
            # A guest that waits for its disk leaps to its next timer, so it reads all of its root
            # before there are any.
            words = words.replace("init=/init", "init=/bin/acts") + " -- warm / + /init"
        drives = [Drive(self.root_image(), readonly=not self.writable)] + self.drives
        options.setdefault("network", self.network)
        return Machine(drives, append=words, **options)

    def boot(self, append="", **options):
        """A started machine."""
        return self.machine(append, **options).start()

    def close(self):
        """Removes the images."""
        self._directory.cleanup()
