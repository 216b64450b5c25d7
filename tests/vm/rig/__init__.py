# SPDX-License-Identifier: MIT
"""The rig: boots guests on a real kernel in QEMU, and looks at them from outside."""
