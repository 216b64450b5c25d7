# SPDX-License-Identifier: MIT
{
  description = "A microVM with Python's web server";

  inputs = {
    # Where this repository is.
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
          name = "python-http";
          packages = [ pkgs.curl ];

          services.web = {
            command = "${pkgs.python3}/bin/python3 -m http.server 8080";
          };

          healthChecks.web = {
            healthCmd = "${pkgs.curl}/bin/curl -sf http://localhost:8080/";
            healthIntervalSecs = 5;
          };
        };
    in
    {
      packages.x86_64-linux.default = guest "x86_64-linux";
      packages.aarch64-linux.default = guest "aarch64-linux";
    };
}
