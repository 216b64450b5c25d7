# SPDX-License-Identifier: MIT
#
# Service files with the largest values that mkGuest lets pass, and for each of them one that is a
# little larger, as it would be written: test_files.py shows both to the parser of the guest.
let
  lib = ../../nix/lib;
  inherit (import (lib + "/check.nix")) check;
  options = import (lib + "/options.nix");
  files = import (lib + "/files.nix");

  long = n: builtins.concatStringsSep "" (builtins.genList (_: "x") n);

  # Each word of a regular expression that is a list of them.
  capabilities =
    let
      option = builtins.head (builtins.filter (o: o.name == "capabilities") options.service);
      words = builtins.filter builtins.isString (
        builtins.split "[^a-z_A-Z]+" option.type.element.pattern
      );
    in
    builtins.filter (w: w != "" && w != "cap_" && w != "CAP_") words;

  file =
    changes:
    let
      checked = check {
        name = "web";
        services.web = {
          command = "/bin/true";
        }
        // changes;
      };
    in
    if checked.errors == [ ] then
      files.service (_: _: "/script") "web" checked.config.services.web
    else
      throw (toString checked.errors);

  written = key: value: "[service]\ncommand = /bin/true\n${key} = ${value}\n";
in
{
  inherit capabilities;
  good = [
    (file {
      stopTimeout = 86400;
      startTimeout = "1d";
      restartDelay = 86399.999;
      restartDelayMax = "24h";
      startLimitInterval = "365d";
      onBootDelay = "8760h";
      memoryMax = "8388607T";
      memoryHigh = 9223372036854775807;
      cpuMax = "100000%";
      limitNofile = "999999999999999999:999999999999999999";
      limitCore = "1:infinity";
      inherit capabilities;
    })
    (file { restartDelay = 0.00001; })
    (file {
      logFile = "/${long 254}";
      command = "/bin/true ${long (65534 - builtins.stringLength "reload_command = /bin/true ")}";
      env.A = long (65534 - 4);
    })
  ];
  bad = [
    (written "stop_timeout" "86401")
    (written "restart_delay" "31")
    (written "restart_delay_max" "99ms")
    (written "start_limit_interval" "366d")
    (written "memory_max" "8388608T")
    (written "cpu_max" "100001%")
    (written "limit_nofile" "2:1")
    (written "log_file" "/${long 255}")
    (written "pre_start" "/bin/true ${long (65535 - builtins.stringLength "pre_start = /bin/true ")}")
    (written "capabilities" "net_bind")
  ];
}
