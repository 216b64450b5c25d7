// SPDX-License-Identifier: MIT
// Counts its visitors in a file, so that the count survives a restart of the guest.
'use strict';

const fs = require('fs');
const http = require('http');
const path = require('path');

const file = path.join(process.env.STATE, 'visits');

function read() {
  try {
    return Number(fs.readFileSync(file, 'utf8')) || 0;
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return 0;
  }
}

http
  .createServer((request, response) => {
    const visits = read() + 1;
    fs.writeFileSync(file + '.new', String(visits));
    fs.renameSync(file + '.new', file);
    response.end(`visit ${visits}\n`);
  })
  .listen(Number(process.env.PORT));

process.on('SIGTERM', () => process.exit(0));
