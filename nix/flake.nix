# SPDX-License-Identifier: MIT
{
  description = "MicroVM guests: a small init, a health agent, and mkGuest, which makes images of them";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.05";

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
    in
    {
      lib = forSystems (system: guests.${system}.lib);

      packages = forSystems (
        system:
        guests.${system}.packages
        // {
          # A guest to look at: a web server for static files.
          default = examples.${system}.static-site;
        }
      );

      apps = forSystems (system: rec {
        probe = {
          type = "app";
          program = "${guests.${system}.packages.probe}/bin/mvm-probe";
        };
        default = probe;
      });

      overlays.default = import ./overlay.nix;

      nixosModules.guest = {
        _file = ./module.nix;
        imports = [ ./module.nix ];
      };

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

      formatter = forSystems (system: nixpkgs.legacyPackages.${system}.nixfmt-rfc-style);
    };
}
