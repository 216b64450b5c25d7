# SPDX-License-Identifier: MIT
"""A guest made from parts: root file system, drives, machine."""
import os
import tempfile

from . import images
from .contents import Contents
from .machine import ADDRESS, GATEWAY, Drive, Machine


class Guest(Contents):
    """
    The parts of a guest. Add to it, then boot(); it can be booted again with the same drives.

        guest = Guest("squashfs")
        guest.service("web", "/bin/busybox httpd -f -p 8080 -h /srv", env={"PORT": "8080"})
        guest.busybox()
        guest.drive("mvm-config", {"config.json": "{}"}, readonly=True)
        with guest.boot() as machine:
            machine.console.wait_line("web: .*")

    root          "ext4" or "squashfs"
    writable      the root drive is writable (ext4 only)
    agent         put the guest agent in
    init          path of another program to be PID 1
    """

    def __init__(self, root="ext4", writable=None, agent=True, init=None):
        super().__init__(agent, init)
        self.root = root
        self.writable = root == "ext4" if writable is None else writable
        self.network = True
        self.drives = []                # Drive objects for vdb, vdc, ...
        self._directory = tempfile.TemporaryDirectory(prefix="guest-")
        self._root_image = None

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
        self.drives.append(Drive(path, readonly, flush=False))
        return path

    def blank_drive(self, size_mib=4, readonly=False):
        """Adds a drive without a file system."""
        path = images.blank(self.image_path("blank-%d.img" % len(self.drives)), size_mib)
        self.drives.append(Drive(path, readonly, flush=False))
        return path

    # Boot

    def root_image(self):
        """The root file system's image, made at the first call."""
        if self._root_image is None:
            self.finish()
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
            # In virtual time a guest that waits for its disk leaps to its next timer, so it reads its root
            # before there are any.
            words = words.replace("init=/init", "init=/bin/acts") + " -- warm / + /init"
        drives = [Drive(self.root_image(), readonly=not self.writable, flush=False)] + self.drives
        options.setdefault("network", self.network)
        return Machine(drives, append=words, **options)

    def boot(self, append="", **options):
        """A started machine."""
        return self.machine(append, **options).start()

    def close(self):
        """Removes the images."""
        self._directory.cleanup()
