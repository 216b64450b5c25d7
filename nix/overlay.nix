# SPDX-License-Identifier: MIT
#
# Our programs and functions among nixpkgs' own.
final: _prev:
let
  mvm = import ./. { pkgs = final; };
in
{
  mvm-init = mvm.packages.init;
  mvm-guest-agent = mvm.packages.agent;
  mvm-probe = mvm.packages.probe;
  mvm-kernel = mvm.packages.kernel;
  mvmLib = mvm.lib;
}
