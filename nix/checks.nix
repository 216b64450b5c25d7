# SPDX-License-Identifier: MIT
#
# What `nix flake check` builds: the tests of the pure functions, the programs, and the examples.
# The suites in ../tests/nix do more, and need no network.
{
  pkgs,
  packages,
  examples,
}:
let
  failed = builtins.filter (t: t.got != t.want) (import ../tests/nix/unit.nix);
  reference = import ./lib/reference.nix;

  # An empty derivation if the list of failures is empty.
  verdict =
    name: complaints:
    if complaints == [ ] then
      pkgs.runCommand name { } "touch $out"
    else
      throw "${name}: ${builtins.concatStringsSep "\n" complaints}";

  # The programs are no larger than the project's own build allows.
  sizes = builtins.fromJSON (builtins.readFile ../release-sizes.json);
  small = pkgs.runCommand "sizes" { } ''
    for file in ${packages.init}/bin/init ${packages.agent}/bin/mvm-guest-agent ${packages.probe}/bin/mvm-probe; do
      limit=$(case ''${file##*/} in ${
        builtins.concatStringsSep " " (
          map (n: "${n}) echo ${toString sizes.${n}};;") (builtins.attrNames sizes)
        )
      } esac)
      size=$(stat -c %s "$file")
      test "$size" -le "$limit" || { echo "$file has $size bytes; $limit are allowed" >&2; exit 1; }
    done
    touch $out
  '';

  # An image has the files that hosts look for, and its manifest describes them correctly.
  image =
    name: guest:
    pkgs.runCommand "${name}-image" { nativeBuildInputs = [ pkgs.jq ]; } ''
      cd ${guest}
      for file in $(jq -r '.files | keys[]' manifest.json); do
        test "$(stat -L -c %s "$file")" = "$(jq -r --arg f "$file" '.files[$f].size' manifest.json)"
        jq -r --arg f "$file" '.files[$f].sha256 + "  " + $f' manifest.json | sha256sum -c -
      done
      test -s vmlinux
      test -s rootfs.ext4
      touch $out
    '';

  # The runner boots the example until it is healthy and shuts it down. Emulated, because a sandbox has no
  # KVM.
  boot = pkgs.runCommand "boot" { } ''
    ${examples.static-site.vm}/bin/run-static-site --accel tcg --state "$PWD/state" -- \
      sh -c 'mvm-probe wait --timeout 300s "$MVM_VSOCK"'
    touch $out
  '';
in
# QEMU has its microvm board for x86_64 only.
(if pkgs.stdenv.hostPlatform.isx86_64 then { inherit boot; } else { })
// {
  functions = verdict "functions" (
    map (t: "${t.name}: got ${builtins.toJSON t.got}, want ${builtins.toJSON t.want}") failed
  );
  reference = verdict "reference" (
    if builtins.readFile ./OPTIONS.md == reference.markdown then
      [ ]
    else
      [ "OPTIONS.md is not what lib/options.nix says; run tests/nix/update-reference" ]
  );
  inherit (packages) init agent probe;
  sizes = small;
  python-http = image "python-http" examples.python-http;
  static-site = image "static-site" examples.static-site;
  node = image "node" examples.node;
}
