# SPDX-License-Identifier: MIT
#
# Mistakes that users make, with what mkGuest says of each: NAME = { guest; errors; }. Where there
# are no errors, it is none. unit.nix runs them with packages that only look like some; with-nixpkgs
# as modules as well, where an error has to name the same options, unless `inModules` is true: then
# a module may say so.
{ pkgs }:
let
  command = "${pkgs.python3}/bin/python3 -m http.server 8080";
  base = {
    name = "my-app";
    services.my-app = { inherit command; };
  };
  guest = changes: errors: {
    guest = base // changes;
    inherit errors;
  };
  # The name is on the service's path, so that paths with a '-' are met.
  service = changes: guest { services.my-app = { inherit command; } // changes; };
  check = changes: guest { healthChecks.my-app = { healthCmd = "true"; } // changes; };

  name = "1 to 63 letters, digits, '_', '-' and '.', not starting with '-' or '.'";
  account = "1 to 32 letters, digits, '_' and '-', starting with a letter or '_'";
  text = "a string of one line, a number, a boolean or a path";
  run = "a command line, a list of its words, or a package or path to run";
  package = "a package or a store path";
  size = ''a size: bytes, or text such as "64K", "512M", "2G", or "infinity"'';
  set = "an attribute set, each value";
  span = ''a time span: seconds, or text such as "500ms", "10s", "2min", "1h"'';
  plain = "mkGuest takes plain values: write lib.optionalAttrs or `if`, or use evalGuest, which takes modules";
  # A mistake for mkGuest, and none in a module.
  taken = mistake: mistake // { inModules = true; };
in
{
  "01 a command is missing" = guest { services.my-app.env.A = "1"; } [
    "services.my-app.command: required, and not given"
  ];
  "02 the name is missing" = {
    guest.packages = [ pkgs.curl ];
    errors = [ "name: required, and not given" ];
  };
  "03 a name with a space" = guest { name = "my app"; } [
    "name: expected 1 to 63 letters, digits, '+', '.', '_' and '-', starting with a letter or digit, got \"my app\""
  ];
  "04 a service's name with a space" = guest { services."my app".command = "/bin/true"; } [
    "services.\"my app\": the name of a service must be ${name}, got \"my app\""
  ];
  "05 a number in env" = service { env.PORT = 8080; } [ ];
  "06 a boolean in env" = service { env.DEBUG = true; } [ ];
  "07 null in env" = service { env.DEBUG = null; } [
    "services.my-app.env.DEBUG: expected ${text}, got null; leave the variable out, or write \"\" for an empty one"
  ];
  "08 env as a list" = service { env = [ "A=1" ]; } [
    "services.my-app.env: expected ${set} ${text}, got a list that starts with \"A=1\"; give each a name: { NAME = ...; }"
  ];
  "09 a path in env" = service { env.CONF = ./mistakes.nix; } [ ];
  "10 a package as command" = service { command = pkgs.python3; } [ ];
  "11 a list as command" = service {
    command = [
      "${pkgs.python3}/bin/python3"
      "-m"
      "http.server"
    ];
  } [ ];
  "12 a space in a path" = service { command = "/opt/my app/run.sh"; } [
    (
      "services.my-app.command: is /opt/my the program and app/run.sh its argument? There is no /opt/my in the image."
      + " Put a path with a space into quotes, '/opt/my app/run.sh', or write the words as a list, [ \"/opt/my\" \"app/run.sh\" ]"
    )
  ];
  "13 a uid twice" = guest {
    users = {
      a.uid = 1000;
      b.uid = 1000;
    };
  } [ "users.a.uid: 1000 is also the uid of b" ];
  "14 a uid in quotes" = guest { users.a.uid = "1000"; } [
    "users.a.uid: expected an integer from 1 to 65533, got \"1000\"; write it without quotes"
  ];
  "15 a file system that there is not" = guest { rootfsType = "btrfs"; } [
    "rootfsType: expected \"ext4\" or \"squashfs\", got \"btrfs\""
  ];
  "16 an interval of zero" = check { healthIntervalSecs = 0; } [
    "healthChecks.my-app.healthIntervalSecs: expected an integer from 1 to 4294967295, got 0"
  ];
  "17 an interval in quotes" = check { healthIntervalSecs = "5"; } [
    "healthChecks.my-app.healthIntervalSecs: expected an integer from 1 to 4294967295, got \"5\"; write it without quotes"
  ];
  "18 a host name that is none" = guest { hostname = "my_host"; } [
    "hostname: expected 1 to 64 letters, digits, '-' and '.', got \"my_host\""
  ];
  "19 packages without brackets" = guest { packages = pkgs.curl; } [
    "packages: expected a list, each element ${package}, got the package ${pkgs.curl.name}; write it in brackets: [ ... ]"
  ];
  "20 packages in quotes" = guest { packages = [ "curl" ]; } [
    "packages[0]: expected ${package}, got \"curl\"; write pkgs.curl, without quotes"
  ];
  "21 a user that nobody defines" = service { user = "app"; } [
    "services.my-app.user: no user \"app\"; there are no users; define it: users.app = { };"
  ];
  "22 an option with a letter missing" = service { comand = "x"; } [
    "services.my-app.comand: no such option; did you mean command?"
  ];
  "23 a health check of no service" = guest { healthChecks.other.healthCmd = "true"; } [
    "healthChecks.other: no service \"other\"; services: my-app; a check of something else is a probe"
  ];
  "24 services as a list" = guest { services = [ { command = "x"; } ]; } [
    "services: expected ${set} a set of options, got a list that starts with { command; }; give each a name: { NAME = ...; }"
  ];
  "25 an option of the guest misspelt" = guest { service.x.command = "y"; } [
    "service: no such option; did you mean services?"
  ];
  "26 a command line in a list" = service { preStart = [ "mkdir /x" ]; } [
    "services.my-app.preStart[0]: \"mkdir /x\" cannot be the name of a program; a list has one word in each element, and a command line is a string"
  ];
  "27 a log file that is not absolute" = service { logFile = "my-app.log"; } [
    "services.my-app.logFile: expected an absolute path, got \"my-app.log\""
  ];
  # Its dev output has vmlinux; a build shows whether there is one.
  "28 a kernel of nixpkgs" = guest { kernel = pkgs.linux_6_1; } [ ];
  "29 null for a list" = guest { packages = null; } [
    "packages: expected a list, each element ${package}, got null; leave it out, or write [ ]"
  ];
  "30 a quote that is open" = service { command = "sh -c 'echo hi"; } [
    "services.my-app.command: a single quote is not closed"
  ];
  "31 root" = service { user = "root"; } [ ];
  "32 a size with a B" = service { memoryMax = "512MB"; } [
    "services.my-app.memoryMax: expected ${size}, got \"512MB\"; write \"512M\""
  ];
  "33 a word with '_' for '-'" = service { restart = "on_failure"; } [
    "services.my-app.restart: expected \"always\", \"on-failure\" or \"never\", got \"on_failure\"; did you mean \"on-failure\"?"
  ];
  # A check never runs twice at once: one that takes long leaves out starts.
  "34 a time-out above the interval" = check {
    healthIntervalSecs = 5;
    healthTimeoutSecs = 60;
  } [ ];
  "35 two at once" = guest {
    hostname = "";
    rootfsType = "xfs";
  } [
    "hostname: expected 1 to 64 letters, digits, '-' and '.', got \"\""
    "rootfsType: expected \"ext4\" or \"squashfs\", got \"xfs\""
  ];
  "36 a function as command" = service { command = x: x; } [
    "services.my-app.command: expected ${run}, got a function"
  ];
  "37 a function as argument" = {
    guest = { pkgs, ... }: base;
    errors = [
      "the argument: expected an attribute set, got a function; call the function first: mkGuest (f { inherit pkgs; })"
    ];
  };
  "38 users as a list" = guest { users = [ "app" ]; } [
    "users: expected ${set} a set of options, got a list that starts with \"app\"; give each a name: { NAME = ...; }"
  ];
  "39 a variable with a space" = service { env."MY KEY" = "x"; } [
    "services.my-app.env.\"MY KEY\": the name of an environment variable must be letters, digits, '_', '.' and '-', starting with a letter or '_', got \"MY KEY\""
  ];
  "40 null in a list" = guest { packages = [ null ]; } [ "packages[0]: expected ${package}, got null" ];
  "41 the path of a program" = service { command = "${pkgs.python3}/bin/python3"; } [ ];
  "42 a path as command" = service { command = ./mistakes.nix; } [ ];

  # More of the same kinds.
  "43 an account's name with a dot" = guest { users."my.app" = { }; } [
    "users.\"my.app\": the name of a user must be ${account}, got \"my.app\""
  ];
  "44 a package in env" = service { env.JAVA_HOME = pkgs.python3; } [
    "services.my-app.env.JAVA_HOME: expected ${text}, got the package ${pkgs.python3.name}; write \"\${...}\" for the path of a package"
  ];
  "45 a list in env" = service { env.ARGS = [ "-v" ]; } [
    "services.my-app.env.ARGS: expected ${text}, got a list that starts with \"-v\"; make one string of it: lib.concatStringsSep \" \" [ ... ]"
  ];
  "46 an empty list as command" = service { command = [ ]; } [
    "services.my-app.command: the command is empty"
  ];
  "47 a list in a list as command" = service { command = [ "/bin/x" [ "-v" ] ]; } [
    "services.my-app.command[1]: expected a word of a command line: a string, an integer, a path or a package, got a list that starts with \"-v\""
  ];
  "48 a time-out of zero" = check { healthTimeoutSecs = 0; } [
    "healthChecks.my-app.healthTimeoutSecs: expected an integer from 1 to 4294967295, got 0"
  ];
  "49 a package without a main program" = service { command = removeAttrs pkgs.curl [ "meta" "text" ]; } [
    "services.my-app.command: the package ${pkgs.curl.name} does not say what its program is called (meta.mainProgram); write \"\${...}/bin/NAME\", or \"\${...}\" when it is a script itself"
  ];
  "50 a file that is a number" = guest { extraFiles."/etc/a" = 1; } [
    "extraFiles.\"/etc/a\": expected a set of options, or ${package}, got 1"
  ];
  "51 the service group's user in another group" =
    guest {
      serviceGroup = "app";
      users.app.group = "web";
    }
      [
        "users.app.group: app is the service group's own user, so its group is app, not web; leave the group out, or choose another serviceGroup"
      ];
  "53 null for a list of a service" = service { after = null; } [
    "services.my-app.after: expected a list, each element ${name}, got null; leave it out, or write [ ]"
  ];
  "54 null for a set" = guest { healthChecks = null; } [
    "healthChecks: expected ${set} a set of options, got null; leave it out, or write { }"
  ];
  "55 a boolean for a setting of the kernel" = guest { sysctl."net.ipv4.ip_forward" = true; } [
    "sysctl.\"net.ipv4.ip_forward\": expected an integer or a string of one line, got true; write 1"
  ];
  "56 a list for a setting of the kernel" =
    guest { sysctl."net.ipv4.tcp_rmem" = [ 4096 65536 ]; }
      [
        "sysctl.\"net.ipv4.tcp_rmem\": expected an integer or a string of one line, got a list that starts with 4096; write the numbers into one string, with spaces between them"
      ];
  "57 a path for a setting of the kernel" = guest { sysctl."../vm" = 1; } [
    "sysctl.\"../vm\": the name of a setting of the kernel must be letters, digits, '_', '-', '/' and single dots, starting with a letter or digit, got \"../vm\""
  ];
  "58 one setting of the kernel twice" =
    guest {
      sysctl = {
        "vm.swappiness" = 1;
        "vm/swappiness" = 2;
      };
    }
      [ "sysctl.\"vm/swappiness\": vm.swappiness is the same setting; leave one of them out" ];
  "59 a reserve with a B" = guest { memoryReserve = "24MB"; } [
    "memoryReserve: expected a size: bytes, or text such as \"64K\", \"512M\", \"2G\", got \"24MB\"; write \"24M\""
  ];
  "60 a feature that the kernel does not have" = guest { kernelFeatures = [ "wiregaurd" ]; } [
    "kernelFeatures[0]: expected \"containers\", \"fuse\", \"iptables\", \"landlock\", \"nftables\", \"overlay\", \"tun\", \"virtio_fs\" or \"wireguard\", got \"wiregaurd\"; did you mean \"wireguard\"?"
  ];
  "61 features of a kernel that is not ours" =
    guest {
      kernel = pkgs.linux_6_1;
      kernelFeatures = [ "tun" ];
      kernelProfile = "lean";
    }
      [
        "kernelFeatures: it is for the kernel of this flake, and `kernel` names another; leave one of them out"
        "kernelProfile: it is for the kernel of this flake, and `kernel` names another; leave one of them out"
      ];
  "62 a service that is its command" = guest { services.my-app = command; } [
    "services.my-app: expected an attribute set, got ${builtins.toJSON command}; write { command = ...; }"
  ];
  "63 a health check that is its command" = guest { healthChecks.my-app = [ "/bin/true" ]; } [
    "healthChecks.my-app: expected an attribute set, got a list that starts with \"/bin/true\"; write { healthCmd = ...; }"
  ];
  "64 a word of systemd" = guest {
    services.my-app = {
      inherit command;
      ExecStartPre = "/bin/true";
      environment.A = "1";
    };
  } [
    "services.my-app.ExecStartPre: no such option; did you mean preStart?"
    "services.my-app.environment: no such option; did you mean env?"
  ];
  "65 the number of a group" = guest { users.app = { uid = 1000; gid = 1001; }; } [
    "users.app.gid: no such option; did you mean group?"
  ];
  "66 a path outside of the store in quotes" = guest { packages = [ "/opt/tool" ]; } [
    "packages[0]: expected ${package}, got \"/opt/tool\"; write a path of this machine without quotes: it is then copied into the store"
  ];
  "67 an interval below zero" = check { healthIntervalSecs = -1; } [
    "healthChecks.my-app.healthIntervalSecs: expected an integer from 1 to 4294967295, got -1"
  ];
  # Words of systemd, NixOS and compose files, and what the module system makes.
  "68 the sections of a unit file" = service {
    serviceConfig.ExecStart = "x";
    wantedBy = [ "multi-user.target" ];
  } [
    "services.my-app.serviceConfig: no such option; its keys are options of the service: command for ExecStart, env for Environment, restart for Restart"
    "services.my-app.wantedBy: no such option; every service is started at boot; leave it out"
  ];
  "69 units to wait for" = service { after = [ "network.target" "db.service" "my-app.service" ]; } [
    "services.my-app.after: no service \"network.target\"; that is a unit of systemd, and the guest has services only: leave it out"
    "services.my-app.after: no service \"db.service\"; services: my-app"
    "services.my-app.after: no service \"my-app.service\"; write \"my-app\""
  ];
  "70 one service to wait for, without brackets" = service { after = "db"; } [
    "services.my-app.after: expected a list, each element ${name}, got \"db\"; write it in brackets: [ ... ]"
  ];
  # As lib.mkForce and lib.mkIf make them; modules may have them.
  "71 a forced command" = taken (service {
    command = {
      _type = "override";
      priority = 50;
      content = "/bin/x";
    };
  } [ "services.my-app.command: expected ${run}, got lib.mkForce ...; ${plain}" ]);
  "72 a service that depends on something" = taken (guest {
    services.my-app = {
      _type = "if";
      condition = true;
      content = { inherit command; };
    };
  } [ "services.my-app: expected an attribute set, got lib.mkIf ...; ${plain}" ]);
  "73 options of NixOS" = guest {
    boot.loader.grub.enable = false;
    networking.hostName = "x";
  } [
    "boot: no such option; that is an option of NixOS, and mkGuest has its own"
    "networking: no such option; hostname and nameservers are options of mkGuest, addresses come from the host"
  ];
  "74 the parts of a module" = taken (guest { imports = [ ]; } [
    "imports: no such option; that is part of a module: mvm.lib.SYSTEM.evalGuest [ ... ] takes modules"
  ]);
  "75 a package's name for the list" = guest { packages = "hello"; } [
    "packages: expected a list, each element ${package}, got \"hello\"; write [ pkgs.hello ]"
  ];
  "76 a size with a space" = service { memoryMax = "128 MB"; } [
    "services.my-app.memoryMax: expected ${size}, got \"128 MB\"; write \"128M\""
  ];
  "77 times in other words" = service {
    restartDelay = "5 m";
    startTimeout = "10 seconds";
    stopTimeout = "1500 msec";
  } [
    "services.my-app.restartDelay: expected ${span}, got \"5 m\"; write \"5min\""
    "services.my-app.startTimeout: expected ${span}, got \"10 seconds\"; write \"10s\""
    "services.my-app.stopTimeout: expected ${span}, got \"1500 msec\"; write \"1500ms\""
  ];
  "78 nobody" = service { user = "nobody"; } [
    "services.my-app.user: nobody is a user of the image's own; define another: users.NAME = { };"
  ];
  "79 a mode without quotes" = guest {
    extraFiles."/etc/a" = {
      content = "";
      mode = 755;
    };
  } [ "extraFiles.\"/etc/a\".mode: expected three octal digits as a string, got 755; write it in quotes: \"755\"" ];
  "80 booleans in other words" = guest {
    dev = "true";
    accounting = "yes";
    ociImage = 0;
  } [
    "dev: expected true or false, got \"true\"; write it without quotes"
    "accounting: expected true or false, got \"yes\"; write true"
    "ociImage: expected true or false, got 0; write false"
  ];
  "81 the memory of the machine" = guest { memory = 512; } [
    "memory: no such option; the runner and the host decide that: --memory, --cpus and --publish of `nix run .#NAME.vm`, vmconfig.json for Firecracker"
  ];
  "82 an option with a word of ours" = service { memoryLimit = "1G"; } [
    "services.my-app.memoryLimit: no such option; services.my-app has memoryMax, memoryHigh, memorySwapMax; nix/OPTIONS.md and mvm-mkguest(5) have all 58"
  ];
  "83 a path of the guest without quotes" = service { workingDirectory = /srv; } [
    "services.my-app.workingDirectory: expected an absolute path, got the path /srv; write a path of the guest in quotes"
  ];
  "84 a modular service that is text" = guest { modularServices.web = "nginx"; } [
    "modularServices.web: expected a module: a set, a function or a file, got \"nginx\""
  ];
  "85 a user of NixOS" = guest { users.app.isNormalUser = true; } [
    "users.app.isNormalUser: no such option; users.app has uid, group, home"
  ];
  "86 a user's number" = service { user = 1000; } [
    "services.my-app.user: expected ${account}, got 1000"
  ];
  "87 null for the services" = guest { services = null; } [
    "services: expected ${set} a set of options, got null; leave it out, or write { }"
  ];
  "88 a feature without brackets" = guest { kernelFeatures = "tun"; } [
    "kernelFeatures: expected a list, each element \"containers\", \"fuse\", \"iptables\", \"landlock\", \"nftables\", \"overlay\", \"tun\", \"virtio_fs\" or \"wireguard\", got \"tun\"; write it in brackets: [ ... ]"
  ];
  "89 an image as argument" = {
    guest = pkgs.python3 // {
      mvm = { };
    };
    errors = [
      "the argument: expected an attribute set, got the package ${pkgs.python3.name}; it is an image already; its .extend { ... } makes another one"
    ];
  };
  "90 a service that is switched off" = service { enable = false; } [
    "services.my-app.enable: no such option; leave the service out, with lib.optionalAttrs where it depends on something"
  ];
  "91 a file's path that is not absolute" = guest { extraFiles."etc/a".content = ""; } [
    "extraFiles.\"etc/a\": the name of a file must be an absolute path, got \"etc/a\""
  ];
  "92 a user that is a number" = guest { users.app = 1000; } [
    "users.app: expected an attribute set, got 1000"
  ];
  "93 two services with one group" = guest {
    users = {
      a.group = "shared";
      b.group = "shared";
    };
    services = {
      a = {
        inherit command;
        user = "a";
      };
      b = {
        inherit command;
        user = "b";
      };
    };
  } [ ];
  "94 a service that waits for itself" = service { after = [ "my-app" ]; } [
    "services.my-app.after: a service cannot wait for itself"
  ];
  "95 a health check in a service" = service { healthCheck.healthCmd = "true"; } [
    "services.my-app.healthCheck: no such option; health checks are beside the services: healthChecks.<name>"
  ];
  "96 a log file in the store" = service { logFile = "${pkgs.curl}/x.log"; } [
    "services.my-app.logFile: nothing can be written there: it is read-only in the guest, got \"${pkgs.curl}/x.log\""
  ];
  "97 ports of a compose file" = service { ports = [ "80:80" ]; } [
    "services.my-app.ports: no such option; the runner and the host decide that: --memory, --cpus and --publish of `nix run .#NAME.vm`, vmconfig.json for Firecracker"
  ];
  "98 a set in env" = service { env.SETTINGS = { a = 1; }; } [
    "services.my-app.env.SETTINGS: expected ${text}, got { a; }; write a string, builtins.toJSON { ... } for instance"
  ];
  "99 an option of systemd with another name here" = service {
    Group = "x";
    KillSignal = "INT";
    TimeoutStopSec = 5;
    MemoryMax = "1G";
  } [
    "services.my-app.Group: no such option; the first group is the user's, users.<name>.group; further ones are supplementaryGroups"
    "services.my-app.KillSignal: no such option; did you mean stopSignal?"
    "services.my-app.MemoryMax: no such option; did you mean memoryMax?"
    "services.my-app.TimeoutStopSec: no such option; did you mean stopTimeout?"
  ];
  "100 words of systemd for values" = service {
    restart = "no";
    type = "notify";
    limitNofile = "unlimited";
  } [
    "services.my-app.type: expected \"simple\", \"oneshot\" or \"forking\", got \"notify\"; that is another option: ready = \"notify\""
    "services.my-app.restart: expected \"always\", \"on-failure\" or \"never\", got \"no\"; did you mean \"never\"?"
    "services.my-app.limitNofile: expected an integer, 0 or more, or \"infinity\", or text \"SOFT:HARD\", got \"unlimited\"; did you mean \"infinity\"?"
  ];
  "101 a text for a file" = guest { extraFiles."/etc/motd" = "hello"; } [
    "extraFiles.\"/etc/motd\": expected a set of options, or ${package}, got \"hello\"; write { content = ...; } for a text"
  ];
  "102 a setting of the kernel without quotes" = guest { sysctl.net.core.somaxconn = 1024; } [
    "sysctl.net: expected an integer or a string of one line, got { core; }; put the whole name into quotes, as in sysctl.\"net.core.somaxconn\""
  ];
  "103 seconds with a unit" = check { healthIntervalSecs = "10s"; } [
    "healthChecks.my-app.healthIntervalSecs: expected an integer from 1 to 4294967295, got \"10s\"; write the number alone, without quotes and unit"
  ];
  "104 lists in a list" = guest { packages = [ [ pkgs.curl ] ]; } [
    "packages[0]: expected ${package}, got a list that starts with the package ${pkgs.curl.name}; join lists by ++, one does not go into another"
  ];
  "105 the command of a check by another name" = guest { healthChecks.my-app.command = "true"; } [
    "healthChecks.my-app.command: no such option; did you mean healthCmd?"
    "healthChecks.my-app.healthCmd: required, and not given"
  ];
  "106 null for a service" = guest { services.my-app = null; } [
    "services.my-app: expected an attribute set, got null; leave it out"
  ];
  "107 the kernel's command line" = guest { kernelParams = [ "quiet" ]; } [
    "kernelParams: no such option; the host gives the kernel's command line: --append of `nix run .#NAME.vm`, boot_args of vmconfig.json"
  ];
  "108 a service that is a package" = guest { services.my-app = pkgs.python3; } [
    "services.my-app: expected an attribute set, got the package ${pkgs.python3.name}; write { command = ...; }"
  ];
  "52 the service group's user, defined" = guest {
    serviceGroup = "app";
    users.app = {
      uid = 1000;
      group = "app";
      home = "/var/lib/app";
    };
  } [ ];
}
