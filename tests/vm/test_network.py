#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""eth0, routes and name servers from every source, and guests without any."""
import socket

import cases
from rig.tap import main

ROUTES = ["eth0 172.16.0.0/24 via 0.0.0.0", "eth0 0.0.0.0/0 via 172.16.0.1"]
UP = "network: eth0 172.16.0.2/24 gw 172.16.0.1"


class Network(cases.GuestCase):
    def boot_with(self, arguments, root="ext4", network=True, fill=None):
        """Boots with these words; returns the machine and its service's output."""
        guest = self.guest(root, agent=False)
        guest.network = network
        if fill:
            fill(guest)
        guest.facts("sees", "net + cat /etc/resolv.conf /etc/hosts /proc/net/ipv6_route "
                    "/sys/class/net/eth0/mtu /nix/store/conf + "
                    "stat /etc/resolv.conf /etc/hosts /etc/hostname")
        guest.service("echo", "/bin/facts tcp-echo 8080")
        machine = self.boot(guest, arguments="init=/init net.ifnames=0 " + arguments)
        machine.console.wait_line("sees: done")
        return machine, self.output(machine)

    def lines(self, output):
        return [l for l in output.init() if "network" in l or "mvm." in l or "ip=" in l]

    def addresses(self, output):
        return [a for a in output.facts("sees", "addr") if a.startswith("eth0") and "fe80" not in a]

    def nameservers(self, output):
        return [l.split()[1] for l in output.facts("sees", "/etc/resolv.conf")
                if l.startswith("nameserver")]

    def configured(self, arguments, root="ext4", line=UP, routes=ROUTES, address="172.16.0.2/24"):
        """The usual address, proved by a connection through it."""
        machine, output = self.boot_with(arguments, root)
        self.assertEqual(self.lines(output), [line])
        self.assertEqual(self.addresses(output), ["eth0 " + address])
        self.assertEqual(set(output.facts("sees", "route")), set(routes))
        self.assertEqual([l for l in output.facts("sees", "link")],
                         ["lo up running", "eth0 up running"])
        machine.console.rewind()
        machine.console.wait_line("echo: tcp-echo: 8080 listening")
        with socket.create_connection(("127.0.0.1", machine.forward(8080)), 20) as s:
            s.sendall(b"through the network")
            self.assertEqual(s.recv(64), b"through the network")
        return output

    def test_mvm_words(self):
        output = self.configured("mvm.ip=172.16.0.2/24 mvm.gw=172.16.0.1 mvm.dns=9.9.9.9,1.1.1.1")
        self.assertEqual(self.nameservers(output), ["9.9.9.9", "1.1.1.1"])

    def test_mvm_words_with_squashfs_root(self):
        output = self.configured("mvm.ip=172.16.0.2/24 mvm.gw=172.16.0.1", "squashfs")
        self.assertEqual(self.nameservers(output), ["8.8.8.8"])

    def test_the_last_word_wins(self):
        self.configured("mvm.ip=10.1.1.1/8 mvm.gw=10.0.0.1 mvm.ip=172.16.0.2/24 mvm.gw=172.16.0.1")

    def test_kernel_words_that_the_kernel_has_used(self):
        self.configured("ip=172.16.0.2::172.16.0.1:255.255.255.0::eth0:off", "squashfs")

    def test_kernel_words_that_it_has_not(self):
        """The kernel ignores words after "--", so only init reads them."""
        output = self.configured(
            "-- ip=172.16.0.2::172.16.0.1:255.255.255.0::eth0:off:10.0.0.53:10.0.0.54")
        self.assertNotIn("IP-Config", output.text)
        self.assertEqual(self.nameservers(output), ["10.0.0.53", "10.0.0.54"])

    def test_configured_by_the_kernel_with_dhcp(self):
        output = self.configured("ip=dhcp", line="network: eth0 was configured by the kernel",
                                 routes=ROUTES[:1])     # the rig's DHCP server offers no gateway
        self.assertIn("IP-Config: Got DHCP answer", output.text)

    def test_mvm_words_beat_kernel_words(self):
        self.configured("mvm.ip=172.16.0.2/24 mvm.gw=172.16.0.1 -- ip=10.9.9.9::10.9.9.1:"
                        "255.255.255.0::eth0:off")

    def test_ipv6_beside_ipv4(self):
        _, output = self.boot_with("mvm.ip=172.16.0.2/24,fd00::2/64 mvm.gw=172.16.0.1,fd00::1 "
                                   "mvm.dns=fd00::53")
        self.assertEqual(self.addresses(output), ["eth0 172.16.0.2/24", "eth0 fd00::2/64"])
        self.assertEqual(set(output.facts("sees", "route")), set(ROUTES))
        routes = [r.split() for r in output.facts("sees", "/proc/net/ipv6_route")]
        self.assertIn(["0" * 32, "00", "fd" + "0" * 29 + "1"],
                      [[r[0], r[1], r[4]] for r in routes if r[-1] == "eth0"])
        self.assertEqual(self.nameservers(output), ["fd00::53"])

    def test_no_eth0(self):
        _, output = self.boot_with("mvm.ip=172.16.0.2/24 mvm.gw=172.16.0.1", "squashfs",
                                   network=False)
        self.assertEqual(self.lines(output), ["network: no eth0: only lo is up"])
        self.assertEqual(output.facts("sees", "addr"), ["lo 127.0.0.1/8", "lo ::1/128"])

    def test_no_words(self):
        _, output = self.boot_with("")
        self.assertEqual(len(self.lines(output)), 1)
        self.assertRegex(self.lines(output)[0], "^network: no address for eth0 on the kernel "
                                                "command line .*: only lo is up$")
        self.assertEqual(output.facts("sees", "link"), ["lo up running", "eth0 down not-running"])

    def test_nonsense(self):
        for words, line in (
                ("mvm.ip=nonsense mvm.gw=172.16.0.1",
                 "kernel command line: mvm.ip: 'nonsense' is not an address"),
                ("mvm.ip=172.16.0.2/33", "kernel command line: mvm.ip: '172.16.0.2/33' is not an "
                                         "address"),
                ("-- ip=a:b:c:d:e:f", "kernel command line: ip=: cannot use client address 'a', "
                                      "gateway 'c', netmask 'd'")):
            with self.subTest(words):
                _, output = self.boot_with(words)
                self.assertEqual(self.lines(output)[0], line)
                self.assertEqual(len(self.lines(output)), 2)
                self.assertEqual(self.addresses(output), [])

    def test_nonsense_beside_sense(self):
        """Good words are used, and each bad word gets a line."""
        _, output = self.boot_with("mvm.ip=172.16.0.2/24 mvm.gw=gateway mvm.dns=9.9.9.9,x")
        self.assertEqual(self.addresses(output), ["eth0 172.16.0.2/24"])
        self.assertEqual(self.lines(output), [
            "kernel command line: mvm.gw: 'gateway' is not an address",
            "kernel command line: mvm.dns: 'x' is not an address",
            "network: eth0 172.16.0.2/24"])
        self.assertEqual(self.nameservers(output), ["9.9.9.9"])

    def test_a_gateway_outside_of_the_network(self):
        """An address without a prefix length has no network, but its gateway works."""
        output = self.configured("mvm.ip=172.16.0.2 mvm.gw=172.16.0.1 mvm.mtu=1400",
                                 line="network: eth0 172.16.0.2/32 gw 172.16.0.1 mtu 1400",
                                 address="172.16.0.2/32", routes=["eth0 0.0.0.0/0 via 172.16.0.1"])
        self.assertEqual(output.facts("sees", "/sys/class/net/eth0/mtu"), ["1400"])

    def test_several_addresses_and_static_ipv6(self):
        _, output = self.boot_with("mvm.ip=172.16.0.2/24,10.7.0.2/16 mvm.gw=192.168.9.1 "
                                   "mvm.ip6=fd00::2/64,fd01::2/128 mvm.gw6=fd02::1 mvm.mtu=70000")
        self.assertEqual(set(self.addresses(output)), {
            "eth0 172.16.0.2/24", "eth0 10.7.0.2/16", "eth0 fd00::2/64", "eth0 fd01::2/128"})
        self.assertEqual(set(output.facts("sees", "route")), {
            "eth0 172.16.0.0/24 via 0.0.0.0", "eth0 10.7.0.0/16 via 0.0.0.0",
            "eth0 0.0.0.0/0 via 192.168.9.1"})
        routes = [r.split() for r in output.facts("sees", "/proc/net/ipv6_route")]
        self.assertIn(["0" * 32, "00", "fd02" + "0" * 27 + "1"],
                      [[r[0], r[1], r[4]] for r in routes if r[-1] == "eth0"])
        self.assertEqual(self.lines(output), [
            "kernel command line: mvm.mtu: '70000' is not a number from 68 to 65535",
            "network: eth0 172.16.0.2/24 10.7.0.2/16 fd00::2/64 fd01::2/128 gw 192.168.9.1 "
            "gw fd02::1"])

    def links(self, root):
        """The image's files are links, as in a Nix image: into the store, or dangling."""
        def fill(guest):
            guest.tree.file("/nix/store/conf", "nameserver 10.0.0.1\nsearch a b\noptions ndots:2\n")
            guest.tree.file("/nix/store/hosts", "10.0.0.7 db # web-1\n" * 400)
            guest.tree.symlink("/etc/resolv.conf", "/nix/store/conf")
            guest.tree.symlink("/etc/hosts", "/nix/store/hosts")
            guest.tree.symlink("/etc/hostname", "/run/not/there")
            guest.init_ini(guest={"hostname": "web-1"})
        _, output = self.boot_with("mvm.ip=172.16.0.2/24 mvm.gw=172.16.0.1 mvm.dns=9.9.9.9", root,
                                   fill=fill)
        self.assertEqual(output.facts("sees", "/etc/resolv.conf"),
                         ["nameserver 9.9.9.9", "search a b", "options ndots:2"])
        self.assertEqual(output.facts("sees", "/etc/hosts"),
                         ["10.0.0.7 db # web-1"] * 400 + ["127.0.1.1 web-1"])
        self.assertEqual(output.facts("sees", "/nix/store/conf")[0], "nameserver 10.0.0.1")
        self.assertEqual({f.split()[0]: f.split()[1] for f in output.facts("sees", "stat")},
                         {"/etc/" + n: "100644" for n in ("resolv.conf", "hosts", "hostname")})
        self.assertEqual(self.lines(output), [UP])

    def test_links_on_a_read_only_root(self):
        self.links("squashfs")

    def test_links_on_a_writable_root(self):
        self.links("ext4")

    def test_a_resolver_that_is_the_kernels(self):
        """/proc/net/pnp without a server is not a resolver; ip= gives the guest its name."""
        def fill(guest):
            guest.tree.symlink("/etc/resolv.conf", "/proc/net/pnp")
        _, output = self.boot_with("-- ip=172.16.0.2::172.16.0.1:255.255.255.0:db-7.a.example:eth0:off",
                                   "squashfs", fill=fill)
        self.assertEqual(output.facts("sees", "/etc/resolv.conf"),
                         ["nameserver 8.8.8.8", "search a.example"])
        self.assertIn("127.0.1.1 db-7", output.facts("sees", "/etc/hosts"))

    def test_resolv_conf_and_hosts_of_the_image_stay(self):
        def fill(guest):
            guest.tree.file("/etc/resolv.conf", "nameserver 10.0.0.1\nsearch example\n")
            guest.tree.file("/etc/hosts", "127.0.0.1 localhost web-1\n10.0.0.7 db\n")
            guest.init_ini(guest={"hostname": "web-1"})
        _, output = self.boot_with("mvm.ip=172.16.0.2/24 mvm.gw=172.16.0.1", fill=fill)
        self.assertEqual(output.facts("sees", "/etc/resolv.conf"),
                         ["nameserver 10.0.0.1", "search example"])
        self.assertEqual(output.facts("sees", "/etc/hosts"),
                         ["127.0.0.1 localhost web-1", "10.0.0.7 db"])

    def test_name_servers_of_init_ini(self):
        def fill(guest):
            guest.init_ini(guest={"nameservers": "10.0.0.8, 10.0.0.9", "hostname": "web-1"})
            guest.tree.file("/etc/hosts", "127.0.0.1 localhost web-10\n")
        _, output = self.boot_with("mvm.ip=172.16.0.2/24 mvm.gw=172.16.0.1", "squashfs", fill=fill)
        self.assertEqual(self.nameservers(output), ["10.0.0.8", "10.0.0.9"])
        self.assertEqual(output.facts("sees", "/etc/hosts"),
                         ["127.0.0.1 localhost web-10", "127.0.1.1 web-1"])


if __name__ == "__main__":
    main()
