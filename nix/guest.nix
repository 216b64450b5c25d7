# SPDX-License-Identifier: MIT
#
# mkGuest: from services, users and health checks to a bootable image. The options are in
# lib/options.nix, and described in OPTIONS.md. kernelOf { features; profile; } is a kernel.
{
  pkgs,
  init,
  agent,
  kernelOf,
  run,
}:
let
  inherit (pkgs) lib;
  inherit (import ./lib/check.nix) check;
  buildImage = pkgs.callPackage ./image { };

  modular = import ./modular.nix { inherit lib pkgs; };

  # Modular services become services; `services` may add options to them.
  withModular =
    args:
    if builtins.isAttrs args && builtins.isAttrs (args.modularServices or null) then
      let
        translated = modular.translate args.modularServices;
      in
      args
      // {
        services = lib.recursiveUpdate translated.services (args.services or { });
        extraFiles = translated.extraFiles // (args.extraFiles or { });
      }
    else
      args;

  fail =
    errors:
    throw "mkGuest: ${
      if builtins.length errors == 1 then
        builtins.head errors
      else
        "${toString (builtins.length errors)} errors:"
        + lib.concatStrings (map (e: "\n  ${e}") errors)
    }";
in
rec {
  /*
    The image of a guest. `.extend` makes another one of it: changes that are added to the options
    (sets are merged, all else is replaced), or a function from the options to the changes:

      guest.extend { services.web.env.DEBUG = true; }
      guest.extend (old: { packages = old.packages ++ [ pkgs.strace ]; })
  */
  mkGuest =
    args:
    image args
    // {
      extend =
        changes:
        mkGuest (lib.recursiveUpdate args (if builtins.isFunction changes then changes args else changes));
    };

  image =
    args:
    let
      checked = check (withModular args);
      inherit (checked) config;
    in
    if checked.errors != [ ] then
      fail checked.errors
    else
      buildImage {
        inherit
          config
          init
          agent
          run
          ;
        kernel =
          if config.kernel != null then
            config.kernel
          else
            kernelOf {
              features = config.kernelFeatures;
              profile = config.kernelProfile;
            };
        cacert = if args ? cacert then args.cacert else pkgs.cacert;
      };

  /*
    Several guests as the packages of a flake: mkProfiles { minimal = { name = "web"; ... }; }.
    Each profile is there under its name and as tenant-<name>, which is what hosts ask for.
  */
  mkProfiles =
    profiles:
    lib.mapAttrs (_: mkGuest) profiles
    // lib.mapAttrs' (name: args: lib.nameValuePair "tenant-${name}" (mkGuest args)) (
      builtins.removeAttrs profiles [ "default" ]
    );

  /*
    A guest composed of modules (module.nix): evalGuest [ ./web.nix ./db.nix ]. Modules get `pkgs`
    as an argument. The result is the image, with `options` and `extendModules` of the evaluation;
    `.extend module` evaluates once more, with a further module.
  */
  evalGuest =
    modules:
    let
      evaluated = lib.evalModules {
        class = "mvm";
        modules = [
          ./module.nix
          { _module.args.pkgs = pkgs; }
        ]
        ++ modules;
      };
    in
    evaluated.config.image
    // {
      inherit (evaluated) options extendModules;
      extend = module: evalGuest (modules ++ [ module ]);
    };
}
