# SPDX-License-Identifier: MIT
"""Guests with payload/minimal_init.c, for tests of the kernel and the rig."""
from . import build
from .tap import TestCase


class MinimalGuest(TestCase):
    """Boots payload/minimal_init.c."""

    def minimal(self, root="ext4", **options):
        return self.guest(root, agent=False, init=build.program("minimal-init"), **options)

    def run_service(self, guest, command, count=1, uid=900, **options):
        """Boots the guest with `count` copies of a command running as uid."""
        arguments = "init=/init -- %d %d %s" % (count, uid, command)
        return self.start(guest.machine(arguments=arguments, **options))

    def facts(self, guest, modes, **options):
        return self.run_service(guest, "/bin/facts " + modes, **options)
