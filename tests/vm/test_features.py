#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
What a kernel can have beyond the ordinary (nix/kernel/features, kernelFeatures of mkGuest): every
option of the fragments comes out as it is written, and each feature works in a guest.

FEATURES_KERNEL in the environment: a kernel with all of them, as "make soak" builds it. Without it
no guest is booted, and the fragments are configured together; with it each by itself, too, and for
both architectures.
"""
import glob
import os
import re
import shutil
import subprocess
import unittest

from rig import build
from rig.minimal import MinimalGuest
from rig.tap import main, x86_64_only
from rig.waiting import DIES_WITH_US

KERNEL = os.environ.get("FEATURES_KERNEL")
DIRECTORY = os.path.join(build.ROOT, "nix", "kernel")
SOURCES = ["/usr/src/linux-source-6.1.tar.xz", "/usr/src/linux-source-6.12.tar.xz"]
VIRTIOFSD = ["/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd"]


def first(paths):
    """The first of the files that is there."""
    return next((p for p in paths if os.path.exists(p)), None)


def names(kind):
    return sorted(os.path.basename(p) for p in glob.glob(os.path.join(DIRECTORY, kind, "*")))


def configuration_tree():
    """As much of the kernel's sources as configuring takes."""
    source = os.environ.get("KERNEL_SOURCE") or first(SOURCES)
    if source is None:
        raise build.MissingFile("%s: not there; run: make kernel" % " or ".join(SOURCES))
    mark = "%d-%d" % (os.path.getsize(source), os.path.getmtime(source))
    tree = os.path.join(build.BUILD, "kernel-configuration", mark)
    if not os.path.exists(tree):
        shutil.rmtree(os.path.dirname(tree), ignore_errors=True)
        os.makedirs(tree + ".new")
        subprocess.run(["tar", "-C", tree + ".new", "-xf", source, "--strip-components=1",
                        "--wildcards", "*/Kconfig*", "*/Makefile*", "*/scripts/*",
                        "*/Kbuild*"], check=True)
        os.rename(tree + ".new", tree)
    return tree


@x86_64_only("it checks the configurations of both architectures")
class Fragments(unittest.TestCase):
    """configure fails when an option does not come out as a fragment has it."""

    @classmethod
    def setUpClass(cls):
        cls.tree = configuration_tree()
        # Kept, so that the programs that configure are compiled once.
        cls.out = os.path.join(build.BUILD, "kernel-configuration", "out")

    def configure(self, architecture, *fragments):
        """The exit status and the message; the options are then in self.out/.config."""
        r = subprocess.run([os.path.join(DIRECTORY, "configure"), self.tree, architecture, self.out,
                            *fragments], check=False, capture_output=True, text=True)
        return r.returncode, r.stderr

    def options(self):
        with open(os.path.join(self.out, ".config"), encoding="utf-8") as f:
            return set(re.findall(r"^(CONFIG_\w+)=y$", f.read(), re.M))

    def test_mkguest_offers_those_that_there_are(self):
        with open(os.path.join(build.ROOT, "nix", "lib", "options.nix"), encoding="utf-8") as f:
            text = f.read()
        for option, kind in (("kernelFeatures", "features"), ("kernelProfile", "profiles")):
            values = re.search(r'name = "%s";\s*type = [^[]*\[([^]]*)\]' % option, text).group(1)
            offered = re.findall(r'"(\w+)"', values)
            self.assertEqual(sorted(set(offered) - {"default"}), names(kind))

    def test_all_features_together(self):
        fragments = ["features/" + n for n in names("features")]
        self.assertEqual(self.configure("x86_64", *fragments), (0, ""))
        self.assertLessEqual({"CONFIG_TUN", "CONFIG_WIREGUARD", "CONFIG_NF_TABLES",
                              "CONFIG_VIRTIO_FS", "CONFIG_RETPOLINE"}, self.old_names())
        # What the configuration says is what the kernel makes of it when it is asked again.
        before = self.options()
        subprocess.run(["make", "-s", "-C", self.tree, "O=" + self.out, "ARCH=x86_64",
                        "olddefconfig"], check=True, stdout=subprocess.DEVNULL)
        self.assertEqual(self.options(), before)

    def old_names(self):
        return {o.replace("CONFIG_MITIGATION_", "CONFIG_") for o in self.options()}

    def test_a_profile_takes_back_what_the_ordinary_configuration_asks_for(self):
        self.assertEqual(self.configure("x86_64", "profiles/lean"), (0, ""))
        found = self.old_names()
        self.assertFalse({"CONFIG_RETHUNK", "CONFIG_RETPOLINE", "CONFIG_TUN"} & found)
        self.assertIn("CONFIG_PAGE_TABLE_ISOLATION", found)

    def test_an_option_that_cannot_be_is_named(self):
        path = os.path.join(build.BUILD, "kernel-configuration", "wrong")
        with open(path, "w", encoding="utf-8") as f:
            f.write("CONFIG_NO_SUCH_OPTION=y\nCONFIG_NFT_CT=y\n")
        status, message = self.configure("x86_64", path)
        self.assertEqual(status, 1)
        self.assertIn("CONFIG_NO_SUCH_OPTION=y CONFIG_NFT_CT=y", message)
        self.assertIn("features/none: no such fragment", self.configure("x86_64", "features/none")[1])


if KERNEL:
    class EachFragment(Fragments):
        def test_each_by_itself_on_both_architectures(self):
            for architecture in ("x86_64", "aarch64"):
                for fragment in ["features/" + n for n in names("features")]:
                    with self.subTest("%s %s" % (architecture, fragment)):
                        self.assertEqual(self.configure(architecture, fragment), (0, ""))

    class Features(MinimalGuest):
        def share(self):
            """Shares a directory with a file; the socket for Machine."""
            program = first(VIRTIOFSD)
            if program is None:
                self.skipTest("no virtiofsd here, which shares a directory")
            directory = self.guest().image_path("share")
            os.mkdir(directory)
            with open(os.path.join(directory, "from-the-host"), "w", encoding="utf-8") as f:
                f.write("hello\n")
            socket = directory + ".socket"
            where = ["-o", "source=" + directory, "-o", "sandbox=chroot"] if "qemu" in program \
                else ["--shared-dir=" + directory, "--sandbox=none"]
            daemon = subprocess.Popen(
                DIES_WITH_US + [program, "--socket-path=" + socket, *where],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            self.addCleanup(daemon.stderr.close)
            self.addCleanup(daemon.wait)
            self.addCleanup(daemon.kill)
            said = ""
            for line in daemon.stderr:
                said += line
                if "Waiting for vhost-user socket" in line:
                    return socket
            self.fail("%s has ended: %s" % (program, said))

        def use(self, *features, **options):
            guest = self.minimal()
            guest.tree.copy(build.program("features"), "/bin/features")
            machine = self.run_service(guest, "/bin/features " + " ".join(features), uid=0,
                                       kernel=KERNEL, **options)
            machine.console.wait_line("all tried")
            found = machine.console.find(r"^(\w+: (?:works|.*: .*))$")
            self.assertEqual([line for line in found if line.split(":")[0] in features],
                             [name + ": works" for name in features])

        def test_each_works(self):
            self.use(*[n for n in names("features") if n != "virtio_fs"])

        def test_a_directory_of_the_host(self):
            self.use("virtio_fs", share=self.share())

        def test_a_guest_without_them(self):
            """The same program on the ordinary kernel: so it does look."""
            guest = self.minimal()
            guest.tree.copy(build.program("features"), "/bin/features")
            wanted = ["tun", "wireguard", "nftables", "iptables", "fuse", "containers",
                      "landlock"]
            machine = self.run_service(guest, "/bin/features " + " ".join(wanted), uid=0)
            machine.console.wait_line("all tried")
            self.assertEqual(machine.console.find(r"^\w+: works$"), [])
            self.assertEqual(len(machine.console.find(r"^(\w+: .*: .*)$")), len(wanted))


if __name__ == "__main__":
    main()
