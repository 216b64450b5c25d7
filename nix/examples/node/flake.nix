# SPDX-License-Identifier: MIT
{
  description = "A microVM with a Node.js service, its data on the data drive";

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
          inherit (mvm.lib.${system}) mkGuest mkNodeService;
          counter = mkNodeService {
            name = "counter";
            src = ./app;
            # The program has no dependencies; with a package-lock.json, this is the hash of what
            # it names.
            npmHash = null;
            entrypoint = "server.js";
            port = 3000;
            env = {
              PORT = "3000";
              STATE = "/mnt/data/counter";
            };
          };
        in
        mkGuest {
          name = "node-counter";
          packages = [ counter.package ];

          # A uid of its own: the files on the data drive keep their owner whatever is added here.
          users.counter.uid = 1000;

          services.counter = counter.service // {
            preStart = "${pkgs.coreutils}/bin/install -d -o counter -g counter /mnt/data/counter";
            restart = "on-failure";
            stopTimeout = 2;
          };

          healthChecks.counter = counter.healthCheck // {
            startupGraceSecs = 10;
          };

          probes.disk = {
            description = "use of the data drive";
            command = "${pkgs.coreutils}/bin/df --output=pcent /mnt/data";
            intervalSecs = 60;
          };
        };
    in
    {
      packages.x86_64-linux.default = guest "x86_64-linux";
      packages.aarch64-linux.default = guest "aarch64-linux";
    };
}
