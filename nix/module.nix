# SPDX-License-Identifier: MIT
#
# The options of mkGuest as a module, for guests that are composed with lib.evalModules:
#
#   (lib.evalModules {
#     modules = [
#       mvm.modules.mvm.guest
#       { _module.args.pkgs = pkgs; }
#       { name = "web"; services.web.command = "..."; }
#     ];
#   }).config.image
#
# The table of options is lib/options.nix, its options for the module system are module-options.nix.
# mkGuest checks rules about several options together, as it does without modules.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  inherit (import ./module-options.nix { inherit lib; }) moduleOption moduleOptions withoutNull;
  options = import ./lib/options.nix;

  names = builtins.filter (name: name == "cacert" || config.${name} != null) (
    map (o: o.name) options.guest
  );
in
{
  # Not for NixOS, whose options these would collide with.
  _class = "mvm";

  options = moduleOptions options.guest // {
    cacert = moduleOption (builtins.head (builtins.filter (o: o.name == "cacert") options.guest)) // {
      default = pkgs.cacert;
    };
    image = mkOption {
      description = "The image that mkGuest makes from the other options.";
      type = types.package;
      readOnly = true;
    };
  };

  config.image = (import ./. { inherit pkgs; }).lib.mkGuest (
    lib.genAttrs names (
      name: if name == "cacert" || name == "modularServices" then config.${name} else withoutNull config.${name}
    )
  );
}
