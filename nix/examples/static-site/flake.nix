# SPDX-License-Identifier: MIT
{
  description = "A microVM that serves static files from a compressed, read-only root";

  inputs = {
    # Where this repository is.
    mvm.url = "github:auser/mvm?dir=nix";
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    # The programs are built with the same packages as the guest.
    mvm.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs =
    { mvm, ... }:
    let
      guest =
        system:
        let
          inherit (mvm.lib.${system}) mkGuest mkStaticSite;
          site = mkStaticSite {
            name = "docs";
            src = ./site;
            port = 8080;
          };
        in
        mkGuest {
          name = "static-site";
          packages = [ site.package ];
          rootfsType = "squashfs";
          services.www = site.service;
          healthChecks.www = site.healthCheck;
        };
    in
    {
      packages.x86_64-linux.default = guest "x86_64-linux";
      packages.aarch64-linux.default = guest "aarch64-linux";
    };
}
