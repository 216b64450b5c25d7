# SPDX-License-Identifier: MIT
"""
The machines that QEMU emulates: what differs between the architectures of guests.

GUEST_ARCH in the environment, "x86_64" or "aarch64", chooses the one of a test run.
"""
from . import build


class Microvm:
    """x86_64: QEMU's microvm, or its q35 for devices on a PCI bus."""

    qemu = "qemu-system-x86_64"
    console = "ttyS0"
    cpu = "qemu64,+rdrand"
    # Without acpi=off and pit=on, emulation hangs in the calibration of the time stamp counter.
    _BOARD = "microvm,acpi=off,pit=on,pic=on,rtc=on,auto-kernel-cmdline=off"
    _PCI_BOARD = "q35"
    # There is neither ACPI nor PCI there; saying so saves the kernel's complaint. On a busy host the
    # timer may be too slow for the kernel's test of it, which then panics.
    _BOARD_WORDS = ["pci=off", "acpi=off", "no_timer_check"]
    # It has 8 virtio-mmio slots, found by the kernel's command line alone. Slot 3 has the clock's
    # IRQ 8 and is left out. Linux probes in the command line's order.
    slots = (0, 1, 2, 4, 5, 6, 7)
    _SLOT_BASE, _SLOT_BYTES, _SLOT_IRQ = 0xfeb00000, 512, 5

    def board(self, pci):
        """The words of -M without those that every board has."""
        return self._PCI_BOARD if pci else self._BOARD

    def extra_devices(self, pci, keyboard, _device):
        """
        The words for a keyboard, and for what the board has on a PCI bus. device(name, **options):
        the words for a virtio device.
        """
        if pci:                     # that board has a keyboard
            return ["-device", "vmgenid,guid=auto"]
        return ["-device", "i8042"] if keyboard else []

    def kernel_words(self, pci, slots, apic_timer):
        """Words of the kernel's command line: slots are those that have a device."""
        words = ([] if pci else self._BOARD_WORDS) + ([] if apic_timer else ["noapictimer"])
        return words + ["virtio_mmio.device=%d@%#x:%d" % (
            self._SLOT_BYTES, self._SLOT_BASE + n * self._SLOT_BYTES, self._SLOT_IRQ + n)
            for n in slots]


class Virt:
    """
    aarch64: QEMU's virt with the processor of Graviton 2. The kernel finds all devices in the device
    tree. The keyboard is a virtio device, which only the tests' kernel (vm/kernel-aarch64) knows.
    """

    qemu = "qemu-system-aarch64"
    console = "ttyAMA0"
    cpu = "neoverse-n1"
    slots = tuple(range(32))

    def board(self, _pci):
        """As Microvm's; with this interrupt controller there can be more than 8 processors."""
        return "virt,gic-version=3"

    def extra_devices(self, _pci, keyboard, device):
        """As Microvm's; there is no VM generation ID without ACPI."""
        return device("virtio-keyboard") if keyboard else []

    def kernel_words(self, _pci, _slots, _apic_timer):
        """As Microvm's: none."""
        return []


def board():
    """The board of this test run."""
    return {"x86_64": Microvm, "aarch64": Virt}[build.GUEST_ARCH]()
