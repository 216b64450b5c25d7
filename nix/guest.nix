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

  inherit (import ./lib/text.nix) isSet mergeSets;
  options = import ./lib/options.nix;
  modular = import ./modular.nix { inherit lib pkgs; };

  # { args; errors; }: modular services become services, to which `services` may add options.
  withModular =
    args:
    let
      given = args.modularServices or { };
      wrong = modularType.check "modularServices" given;
      translated = modular.translate given;
      has = name: isSet (args.${name} or { });
    in
    # What is not of its type is reported by `check`; only without what it would have added, a service
    # could lack its command.
    if !(isSet args) || !(isSet given) || !(has "services") || !(has "extraFiles") then
      {
        inherit args;
        errors = [ ];
      }
    else if wrong != [ ] || translated.errors != [ ] then
      {
        inherit args;
        errors = if wrong != [ ] then wrong else translated.errors;
      }
    else
      {
        errors = [ ];
        args = args // {
          services = mergeSets translated.services (args.services or { });
          extraFiles = translated.extraFiles // (args.extraFiles or { });
        };
      };

  modularType = (builtins.head (lib.filter (o: o.name == "modularServices") options.guest)).type;

  fail =
    who: errors:
    throw "${who}: ${
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
    (sets are merged, all else is replaced, packages too), or a function from the options to the changes:

      guest.extend { services.web.env.DEBUG = true; }
      guest.extend (old: { packages = old.packages ++ [ pkgs.strace ]; })
  */
  mkGuest = guestOf "mkGuest";

  # `who` begins the messages.
  guestOf =
    who: args:
    image who args
    // {
      extend =
        changes:
        mkGuest (mergeSets args (if builtins.isFunction changes then changes args else changes));
    };

  image =
    who: args:
    let
      complete = withModular args;
      checked = check complete.args;
      inherit (checked) config;
    in
    if complete.errors != [ ] then
      fail who complete.errors
    else if checked.errors != [ ] then
      fail who checked.errors
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
    Each profile is there under its name and as tenant-<name>, which is what hosts ask for. In place
    of the options a profile may be an image, such as `guest.extend { ... }`.
  */
  mkProfiles =
    profiles:
    let
      images = lib.mapAttrs (
        name: given: if isImage given then given else guestOf "mkProfiles: ${name}" given
      ) profiles;
    in
    images
    // lib.mapAttrs' (name: lib.nameValuePair "tenant-${name}") (
      builtins.removeAttrs images [ "default" ]
    );

  isImage = value: lib.isDerivation value && value ? mvm;

  /*
    A guest composed of modules (module.nix): evalGuest [ ./web.nix ./db.nix ]. Modules get `pkgs`
    as an argument; a single one needs no list. The result is the image, with `options` and `extendModules` of the evaluation;
    `.extend module` evaluates once more, with a further module.
  */
  evalGuest =
    given:
    let
      modules = if builtins.isList given then given else [ given ];
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
