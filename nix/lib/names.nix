# SPDX-License-Identifier: MIT
#
# /etc/protocols and /etc/services of guests: the names that programs look up (getprotobyname(3),
# getservbyname(3)), with the numbers that IANA has assigned. protocols(5), services(5).
let
  protocols = [
    "ip 0 IP"
    "icmp 1 ICMP"
    "igmp 2 IGMP"
    "ipencap 4 IP-ENCAP"
    "tcp 6 TCP"
    "udp 17 UDP"
    "dccp 33 DCCP"
    "ipv6 41 IPv6"
    "ipv6-route 43 IPv6-Route"
    "ipv6-frag 44 IPv6-Frag"
    "gre 47 GRE"
    "esp 50 IPSEC-ESP"
    "ah 51 IPSEC-AH"
    "ipv6-icmp 58 IPv6-ICMP"
    "ipv6-nonxt 59 IPv6-NoNxt"
    "ipv6-opts 60 IPv6-Opts"
    "ospf 89 OSPFIGP"
    "vrrp 112 VRRP"
    "l2tp 115 L2TP"
    "sctp 132 SCTP"
    "udplite 136 UDPLite"
  ];

  both = [
    "tcp"
    "udp"
  ];
  stream = [ "tcp" ];
  datagram = [ "udp" ];
  service = name: port: over: { inherit name port over; };
  services = [
    (service "echo" 7 both)
    (service "discard" 9 both)
    (service "daytime" 13 both)
    (service "ftp-data" 20 stream)
    (service "ftp" 21 stream)
    (service "ssh" 22 stream)
    (service "telnet" 23 stream)
    (service "smtp" 25 stream)
    (service "time" 37 both)
    (service "domain" 53 both)
    (service "bootps" 67 datagram)
    (service "bootpc" 68 datagram)
    (service "tftp" 69 datagram)
    (service "http" 80 stream)
    (service "kerberos" 88 both)
    (service "pop3" 110 stream)
    (service "sunrpc" 111 both)
    (service "ntp" 123 datagram)
    (service "imap2" 143 stream)
    (service "snmp" 161 both)
    (service "snmp-trap" 162 both)
    (service "bgp" 179 stream)
    (service "ldap" 389 both)
    (service "https" 443 both)
    (service "submissions" 465 stream)
    (service "syslog" 514 datagram)
    (service "submission" 587 stream)
    (service "ldaps" 636 both)
    (service "domain-s" 853 both)
    (service "rsync" 873 stream)
    (service "imaps" 993 stream)
    (service "pop3s" 995 stream)
    (service "openvpn" 1194 both)
    (service "mqtt" 1883 stream)
    (service "nfs" 2049 both)
    (service "mysql" 3306 stream)
    (service "postgresql" 5432 stream)
    (service "amqps" 5671 stream)
    (service "amqp" 5672 stream)
    (service "redis" 6379 stream)
    (service "http-alt" 8080 stream)
  ];
in
{
  protocols = builtins.concatStringsSep "" (map (line: "${line}\n") protocols);
  services = builtins.concatStringsSep "" (
    builtins.concatMap (
      s: map (protocol: "${s.name} ${toString s.port}/${protocol}\n") s.over
    ) services
  );
}
