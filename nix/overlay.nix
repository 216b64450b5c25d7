# SPDX-License-Identifier: MIT
#
# An overlay of nixpkgs with this project's programs and functions.
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
