# SPDX-License-Identifier: MIT
{
  description = "MicroVM guests: a small init, a health agent, and mkGuest, which makes images of them";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forSystems =
        f:
        builtins.listToAttrs (
          map (name: {
            inherit name;
            value = f name;
          }) systems
        );
      # The sources of the C programs are above this directory: use the flake as
      # git+file:...?dir=nix or github:...?dir=nix, which bring the whole repository.
      guests = forSystems (system: import ./. { pkgs = nixpkgs.legacyPackages.${system}; });
      # The message for systems on which guests cannot be built.
      unsupported =
        system:
        throw "mvm: guests are Linux, and are built on Linux: ${system} needs a builder for ${
          builtins.replaceStrings [ "darwin" ] [ "linux" ] system
        } (nix.linux-builder of nix-darwin, or another machine), asked as packages.${
          builtins.replaceStrings [ "darwin" ] [ "linux" ] system
        }";
      forDarwin =
        f:
        builtins.listToAttrs (
          map (name: {
            inherit name;
            value = f (unsupported name);
          }) [ "x86_64-darwin" "aarch64-darwin" ]
        );
      # nixfmt, under its names in newer and older nixpkgs.
      formatter = pkgs: pkgs.nixfmt-tree or pkgs.nixfmt or pkgs.nixfmt-rfc-style;
      # The examples are flakes that take this one and nixpkgs as inputs.
      example =
        name: system:
        ((import (./examples + "/${name}/flake.nix")).outputs {
          mvm = self;
          inherit nixpkgs;
        }).packages.${system}.default;
      examples = forSystems (system: {
        python-http = example "python-http" system;
        node = example "node" system;
        static-site = example "static-site" system;
      });
      guestModule = {
        _class = "mvm";
        _file = ./module.nix;
        imports = [ ./module.nix ];
      };
    in
    {
      lib = forSystems (system: guests.${system}.lib) // forDarwin (reason: reason);

      # `nix build` and `nix run` search here last; `nix flake check` does not.
      legacyPackages = forDarwin (reason: {
        default = reason;
        init = reason;
        agent = reason;
        probe = reason;
        kernel = reason;
        vm = reason;
      });

      packages = forSystems (
        system:
        guests.${system}.packages
        // {
          # An example guest: a web server for static files.
          default = examples.${system}.static-site;
        }
      );

      apps = forSystems (system: rec {
        probe = {
          type = "app";
          program = "${guests.${system}.packages.probe}/bin/mvm-probe";
          meta.description = "Queries the agents of microVM guests";
        };
        vm = {
          type = "app";
          program = "${examples.${system}.static-site.vm}/bin/run-static-site";
          meta.description = "Runs the example of a static site, in QEMU or Firecracker";
        };
        run = {
          type = "app";
          program = "${guests.${system}.packages.run}/bin/mvm-run";
          meta.description = "Runs an image of mkGuest, in QEMU or Firecracker";
        };
        default = probe;
      });

      overlays.default = import ./overlay.nix;

      # The options of mkGuest, for lib.evalModules. `nixosModules` is the old name; this
      # is not a module of NixOS.
      modules.mvm.guest = guestModule;
      nixosModules.guest = guestModule;

      templates.default = {
        path = ./template;
        description = "A microVM guest with a web server and its health check";
      };

      checks = forSystems (
        system:
        import ./checks.nix {
          pkgs = nixpkgs.legacyPackages.${system};
          inherit (guests.${system}) packages;
          examples = examples.${system};
        }
      );

      # What `make check` needs: nix develop -c make check.
      devShells = forSystems (system: {
        default = import ./shell.nix { pkgs = nixpkgs.legacyPackages.${system}; };
      });

      formatter = forSystems (system: formatter nixpkgs.legacyPackages.${system});
    };
}
