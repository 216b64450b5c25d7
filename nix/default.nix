# SPDX-License-Identifier: MIT
#
# All functions and packages, without flakes:
#
#   let mvm = import ./nix { inherit pkgs; };
#   in mvm.lib.mkGuest { name = "my-app"; ... }
{
  pkgs ? import <nixpkgs> { },
}:
# The C programs are above this directory.
assert
  builtins.pathExists ../meson.build
  || throw "mvm: ${toString ./.} is the directory nix/ alone, and the sources of the programs are beside it: name the whole repository, as git+file:///path/to/repository?dir=nix or github:OWNER/REPOSITORY?dir=nix instead of path:.../nix";
let
  # The directories that meson.build names, without the tests'.
  directories = builtins.concatMap (
    line:
    let
      found = builtins.match "subdir\\('([^/']*)'\\)" line;
    in
    if found == null then [ ] else found
  ) (builtins.filter builtins.isString (builtins.split "\n" (builtins.readFile ../meson.build)));

  # Only the sources of the C programs, so that other changes do not rebuild them.
  src = builtins.path {
    name = "mvm-source";
    path = ../.;
    filter =
      path: _:
      let
        relative = builtins.substring (builtins.stringLength (toString ../.) + 1) (-1) path;
        parts = builtins.filter builtins.isString (builtins.split "/" relative);
        top = builtins.head parts;
      in
      builtins.elem top (
        [
          "meson.build"
          "meson_options.txt"
        ]
        ++ directories
      )
      || relative == "subprojects"
      || builtins.match "subprojects/(packagefiles(/.*)?|[^/]*[.]wrap)" relative != null;
  };
  # `packages` are those of the machine that the program is for.
  programOf =
    packages: directory: program: description:
    packages.pkgsStatic.callPackage ./packages/program.nix {
      inherit
        src
        directory
        program
        description
        ;
    };
  program = programOf pkgs;
  probeOf = packages: programOf packages "probe" "mvm-probe" "Asks microVM guests how they are";

  kernelOf = pkgs.callPackage ./packages/kernel.nix { };

  packages = rec {
    init = program "init" "init" "PID 1 of a microVM guest";
    agent = program "agent" "mvm-guest-agent" "Health checks and snapshots of a microVM guest, over vsock";
    probe = probeOf pkgs;
    kernel = kernelOf { };
    # Runs on the build machine, and asks guests from there.
    run = pkgs.buildPackages.callPackage ./packages/runner.nix {
      probe = probeOf pkgs.buildPackages;
    };
  };

  guest = import ./guest.nix {
    inherit pkgs;
    inherit (packages)
      init
      agent
      run
      ;
    inherit kernelOf;
  };
  services = import ./services.nix { inherit pkgs; };
in
{
  inherit packages;

  lib = {
    inherit (guest) mkGuest mkProfiles evalGuest;
    inherit (services) mkNodeService mkPythonService mkStaticSite;
  };

  overlay = import ./overlay.nix;
  module = ./module.nix;
}
