# SPDX-License-Identifier: MIT
{
  description = "A microVM";

  inputs = {
    # Where mkGuest is.
    mvm.url = "github:auser/mvm?dir=nix";
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    # The programs are built with the same packages as the guest.
    mvm.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs =
    { mvm, nixpkgs, ... }:
    let
      guest =
        system:
        let
          pkgs = import nixpkgs { inherit system; };
        in
        mvm.lib.${system}.mkGuest {
          name = "my-app";

          # In the image, and in the PATH of everything that runs there.
          packages = [ pkgs.curl ];

          users.app.uid = 1000;

          services.app = {
            command = "${pkgs.python3}/bin/python3 -m http.server 8080";
            user = "app";
            workingDirectory = "/home/app";
            env.PYTHONUNBUFFERED = "1";
          };

          # Exit code 0 means healthy.
          healthChecks.app = {
            healthCmd = "${pkgs.curl}/bin/curl -sf http://localhost:8080/";
            healthIntervalSecs = 5;
            startupGraceSecs = 10;
          };

          # "squashfs" is compressed and read-only.
          rootfsType = "ext4";
        };
    in
    {
      packages.x86_64-linux.default = guest "x86_64-linux";
      packages.aarch64-linux.default = guest "aarch64-linux";
    };
}
