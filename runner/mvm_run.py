#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Runs an image of mkGuest in QEMU or Firecracker, with drives that are made on the way.

    mvm_run.py IMAGE [--config DIR] [--secrets DIR] [--data FILE[:SIZE]] [--publish HOST:GUEST] ...
               [-- COMMAND ...]

IMAGE is a directory with vmlinux, manifest.json and rootfs.ext4 or rootfs.squashfs. The console
goes to standard output. Ctrl-C presses the guest's Ctrl-Alt-Del, which shuts it down; a second one
ends it at once. With COMMAND, that runs beside the guest, with the address of the guest's vsock
socket in MVM_VSOCK and mvm-probe in PATH; the guest is shut down when it ends, and its exit code
is ours.
"""
import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[1:1] = [HERE, os.path.join(HERE, "..", "tests", "vm")]
from rig import build  # noqa: E402
from rig.machine import ADDRESS, GATEWAY, Drive, Machine  # noqa: E402
from rig.waiting import RigError  # noqa: E402

# A package of the runner has the program already compiled.
if "MVM_HVSOCK" in os.environ:
    build.PREBUILT["hvsock"] = os.environ["MVM_HVSOCK"]

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
MIB = 1 << 20
UNITS = {"": 1, "K": 1 << 10, "M": MIB, "G": 1 << 30, "T": 1 << 40}
DATA_SIZE = "1G"
SHUTDOWN_SECONDS = 90
# How long a guest with KVM may be silent before a command is started beside it all the same.
SILENT_SECONDS = 20


class RunError(Exception):
    """A message for the user instead of a stack trace."""


class KvmError(RunError):
    """KVM is there and cannot run the guest: nothing of it has run."""


# --- Drives ---------------------------------------------------------------------------------------


def size_bytes(text):
    """The bytes of a size such as 64M."""
    found = re.fullmatch(r"([0-9]+)([KMGT]?)", text)
    if not found or int(found.group(1)) == 0:
        raise RunError("--data: %r is not a size; write bytes, or 64M, 2G" % text)
    return int(found.group(1)) * UNITS[found.group(2)]


def make_file_system(path, label, tree=None):
    """Formats the file, which has its size, as ext4 with this label and the files of a directory."""
    command = ["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-L", label,
               "-E", "root_owner=0:0"] + (["-d", tree] if tree else []) + [path]
    done = subprocess.run(command, env=dict(os.environ, PATH=PATH), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise RunError("%s: mke2fs cannot make a file system: %s" % (path, done.stdout.strip()))


def directory_drive(option, tree, path, label):
    """An image with the files of the directory `tree`, created again at each start."""
    if not os.path.isdir(tree):
        raise RunError("%s %s: not a directory" % (option, tree))
    files = [os.path.join(parent, n) for parent, _, names in os.walk(tree) for n in names]
    need = sum(os.stat(f, follow_symlinks=False).st_size + 8192 for f in files)
    with open(path, "wb") as image:
        os.fchmod(image.fileno(), 0o600)
        image.truncate(8 * MIB + need * 5 // 4 // MIB * MIB)
    make_file_system(path, label, tree)
    return Drive(path, readonly=True)


def data_drive(argument):
    """FILE[:SIZE]: the file, created if absent, enlarged if smaller than SIZE."""
    path, colon, size = argument.rpartition(":")
    if not colon:
        path, size = argument, None
    if not path:
        raise RunError("--data %s: there is no file name before the colon" % argument)
    if not os.path.exists(path):
        with open(path, "wb") as image:
            image.truncate(size_bytes(size or DATA_SIZE))
        make_file_system(path, "mvm-data")
    elif size is not None and size_bytes(size) > os.path.getsize(path):
        # The guest makes the file system as large as the drive.
        os.truncate(path, size_bytes(size))
    elif size is not None and size_bytes(size) < os.path.getsize(path):
        raise RunError("--data %s: the file has %d bytes already, and nothing is cut off; name no size,"
                       " or a larger one" % (argument, os.path.getsize(path)))
    return Drive(path)


def root_drive(image, manifest, state):
    """
    The root: squashfs where it is, ext4 as a copy in the state directory, which is made again when
    the image is another one.
    """
    kind = manifest["rootfsType"]
    source = os.path.join(image, "rootfs." + kind)
    if kind == "squashfs":
        return Drive(source, readonly=True)
    copy, mark = os.path.join(state, "root.ext4"), os.path.join(state, "root.sha256")
    digest = manifest["files"]["rootfs.ext4"]["sha256"]
    try:
        with open(mark, encoding="ascii") as file:
            is_current = file.read().strip() == digest
    except OSError:
        is_current = False
    if not is_current or not os.path.exists(copy):
        with open(source, "rb") as old, open(copy, "wb") as new:
            copy_sparse(old, new)
        with open(mark, "w", encoding="ascii") as file:
            file.write(digest + "\n")
    return Drive(copy)


def copy_sparse(old, new):
    """Copies a file; blocks of zeros become holes."""
    zeros = bytes(1 << 16)
    while block := old.read(len(zeros)):
        if block == zeros[:len(block)]:
            new.seek(len(block), os.SEEK_CUR)
        else:
            new.write(block)
    new.truncate()


# --- The machine ----------------------------------------------------------------------------------


def read_manifest(image):
    path = os.path.join(image, "manifest.json")
    try:
        with open(path, encoding="utf-8") as file:
            manifest = json.load(file)
    except (OSError, ValueError) as problem:
        raise RunError("%s: not an image of mkGuest: %s" % (image, problem)) from None
    return manifest


def publish_pair(text):
    found = re.fullmatch(r"([0-9]+):([0-9]+)", text)
    ports = [int(p) for p in found.groups()] if found else []
    if not ports or not all(1 <= p <= 65535 for p in ports):
        raise RunError("--publish %s: write HOST:GUEST, two TCP ports" % text)
    return tuple(ports)


def accelerator(wanted):
    usable = os.access("/dev/kvm", os.R_OK | os.W_OK)
    if wanted == "kvm" and not usable:
        raise RunError("--accel kvm: /dev/kvm cannot be opened; use --accel tcg, which emulates")
    return "kvm" if usable and wanted != "tcg" else "tcg"


def prepare(options):
    """The drives of the guest, root first, and the words of its kernel's command line."""
    manifest = read_manifest(options.image)
    drives = [root_drive(options.image, manifest, options.state)]
    for name in ("config", "secrets"):
        tree = getattr(options, name)
        if tree:
            drives.append(directory_drive("--" + name, tree, os.path.join(
                options.state, name + ".ext4"), "mvm-" + name))
    if options.data:
        drives.append(data_drive(options.data))
    return manifest, drives


def qemu_machine(options):
    """A Machine, not started."""
    manifest, drives = prepare(options)
    if manifest["system"] != "x86_64-linux":
        raise RunError("%s: an image for %s, and QEMU's microvm board is x86_64's; use --firecracker on"
                       " such a machine" % (options.image, manifest["system"]))
    words = [w for w in manifest["kernelArguments"].split()
             if not w.startswith(("root=", "reboot=", "panic=")) and w not in ("ro", "rw")]
    words += ["mvm.ip=%s/24" % ADDRESS, "mvm.gw=%s" % GATEWAY] + options.append
    return Machine(drives, kernel=os.path.join(options.image, "vmlinux"), append=" ".join(words),
                   memory_mib=options.memory, cpus=options.cpus, network=True,
                   accelerator=accelerator(options.accel), outside=True,
                   publish=[publish_pair(p) for p in options.publish],
                   vsock_path=os.path.join(options.state, "v.sock"), log_directory=options.state)


def firecracker_config(options):
    """The configuration file for this run: the image's, with the drives of this one."""
    with open(os.path.join(options.image, "vmconfig.json"), encoding="utf-8") as file:
        config = json.load(file)
    _, drives = prepare(options)
    if options.publish:
        raise RunError("--publish: Firecracker has no network of its own; it needs a tap device, which"
                       " is yours to make and to name in a configuration file")
    config["boot-source"]["kernel_image_path"] = os.path.abspath(
        os.path.join(options.image, "vmlinux"))
    config["boot-source"]["boot_args"] = " ".join(
        [config["boot-source"]["boot_args"]] + options.append)
    config["drives"] = [
        {"drive_id": "drive%d" % i, "path_on_host": os.path.abspath(d.path),
         "is_root_device": i == 0, "is_read_only": d.readonly} for i, d in enumerate(drives)]
    config["machine-config"] = {"vcpu_count": options.cpus, "mem_size_mib": options.memory}
    config["vsock"] = {"guest_cid": 3, "uds_path": os.path.join(options.state, "v.sock")}
    return config


# --- Running --------------------------------------------------------------------------------------


def print_console(machine, until, is_wanted=lambda line: True):
    """Prints the guest's lines as they arrive, until the event is set."""
    shown = 0
    while True:
        is_last = until.wait(0.05)
        lines = machine.console.lines
        for _, text in lines[shown:]:
            shown += 1
            if is_wanted(text):
                print(text, flush=True)
        if is_last:
            return


def command_environment(vsock):
    env = dict(os.environ, MVM_VSOCK=vsock)
    release = os.path.join(HERE, "..", "build", "release")
    if os.path.exists(os.path.join(release, "mvm-probe")):
        env["PATH"] = os.path.abspath(release) + ":" + env.get("PATH", "")
    return env


def run_qemu(options):
    for program in ("qemu-system-x86_64", "setpriv", "mke2fs"):
        if not shutil.which(program, path=PATH):
            raise RunError("%s is not installed" % program)
    try:
        return run_machine(options)
    except KvmError:
        if options.accel != "auto":
            raise
    print("mvm-run: KVM cannot run this guest here (nested virtualization?); it is emulated instead",
          file=sys.stderr, flush=True)
    options.accel = "tcg"
    return run_machine(options)


def run_machine(options):
    machine = qemu_machine(options)
    interrupts = []

    def interrupt(*_):
        interrupts.append(1)
        if len(interrupts) > 1:
            machine.close()

    with machine:
        print("vsock: %s" % machine.vsock_path, file=sys.stderr, flush=True)
        done = threading.Event()
        console = threading.Thread(target=print_console, args=(machine, done))
        console.start()
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGTERM, interrupt)
        try:
            code = attend(machine, options, interrupts)
        finally:
            done.set()
            console.join()
    said_goodbye = any(line.endswith("goodbye") for _, line in machine.console.lines)
    if code == 0 and not said_goodbye:
        print("mvm-run: the guest ended without a goodbye", file=sys.stderr)
        return 1
    return code


def attend(machine, options, interrupts):
    """Waits until the guest has ended; shuts it down after the command, or an interrupt."""
    command = None
    if options.command:
        wait_for_accelerator(machine, interrupts)
    if options.command and not interrupts:
        command = subprocess.Popen(options.command, env=command_environment(machine.vsock_path))
    try:
        code = wait_for_end(machine, command, interrupts)
    finally:
        if command and command.poll() is None:
            command.terminate()
    machine.console.join()
    return (command.wait() if command else 0) or code


def wait_for_end(machine, command, interrupts):
    """Until the guest has ended: 0, or 1 when it had to be ended."""
    code, asked = 0, False
    while machine.running():
        if not asked and (interrupts or (command and command.poll() is not None)):
            asked = True
            machine.ctrl_alt_del()
            try:
                machine.wait(SHUTDOWN_SECONDS)
            except RigError:
                print("mvm-run: the guest has not shut down in %d s, and is ended" %
                      SHUTDOWN_SECONDS, file=sys.stderr)
                machine.pull_plug()
                code = 1
        elif not machine.wait_short():
            check_accelerator(machine)
    return code


def wait_for_accelerator(machine, interrupts):
    """
    Until KVM has shown by a line on the console that it runs the guest, or that it cannot: so that a
    command is not started for a guest that is emulated in the end. Or until an interrupt. A guest may
    be silent, and nested virtualization takes its time to fail (17 s seen).
    """
    deadline = time.monotonic() + SILENT_SECONDS
    while (machine.accelerator == "kvm" and not machine.console.lines and not interrupts
           and machine.running() and time.monotonic() < deadline):
        check_accelerator(machine)
        machine.wait_short()


def check_accelerator(machine):
    """QEMU stops the machine without a message if KVM cannot run it."""
    if any(event["event"] == "STOP" for event in machine.events()):
        status = machine.command("query-status")["status"]
        if status == "internal-error":
            raise KvmError("KVM cannot run this guest here (nested virtualization?); use --accel tcg")


def run_firecracker(options):
    if not shutil.which("firecracker"):
        raise RunError("firecracker is not installed")
    config = firecracker_config(options)
    path = os.path.join(options.state, "vmconfig.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2)
    socket = config["vsock"]["uds_path"]
    if os.path.exists(socket):
        os.unlink(socket)
    print("vsock: %s" % socket, file=sys.stderr, flush=True)
    return subprocess.run(["firecracker", "--no-api", "--config-file", path], check=False).returncode


def parse(arguments):
    command = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, command = arguments[:at], arguments[at + 1:]
    p = argparse.ArgumentParser(
        prog="mvm-run", description="Runs an image of mkGuest in a virtual machine.",
        epilog="Ctrl-C shuts the guest down; a second one ends it at once. -- COMMAND runs beside the"
        " guest, with its vsock socket in MVM_VSOCK; the guest is shut down when it ends.")
    p.add_argument("image", metavar="IMAGE", help="directory with vmlinux and rootfs.*")
    p.add_argument("--config", metavar="DIR", help="files of the config drive")
    p.add_argument("--secrets", metavar="DIR", help="files of the secrets drive")
    p.add_argument("--data", metavar="FILE[:SIZE]",
                   help="the data drive; made when it is not there (%s)" % DATA_SIZE)
    p.add_argument("--publish", metavar="HOST:GUEST", action="append", default=[],
                   help="a TCP port of this machine, on 127.0.0.1, that leads to one of the guest")
    p.add_argument("--state", metavar="DIR", help="where the copy of an ext4 root, the vsock socket"
                   " (v.sock) and console.log are; a temporary directory when not given")
    p.add_argument("--memory", metavar="MIB", type=int, default=512)
    p.add_argument("--cpus", metavar="N", type=int, default=1)
    p.add_argument("--accel", choices=["auto", "kvm", "tcg"], default="auto")
    p.add_argument("--append", metavar="WORD", action="append", default=[],
                   help="a word for the kernel's command line")
    p.add_argument("--firecracker", action="store_true", help="run Firecracker instead of QEMU")
    options = p.parse_args(arguments)
    options.command = command
    return options


def main():
    options = parse(sys.argv[1:])
    temporary = None
    try:
        if options.state is None:
            temporary = tempfile.mkdtemp(prefix="mvm-run-")
            options.state = temporary
        options.state = os.path.abspath(options.state)
        os.makedirs(options.state, exist_ok=True)
        return run_firecracker(options) if options.firecracker else run_qemu(options)
    except (RunError, RigError, build.MissingFile, OSError) as problem:
        print("mvm-run: %s" % problem, file=sys.stderr)
        return 1
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
