// Uses a server with ssh2: port, user, the file of a key.
const fs = require('fs');
const { Client } = require('ssh2');
const [port, username, key] = process.argv.slice(2);
const client = new Client();
const fail = (err) => { if (err) { console.log(String(err)); process.exit(1); } };
client.on('error', fail).on('ready', () => {
  client.exec('echo out; echo err >&2; exit 3', (err, stream) => {
    fail(err);
    stream.on('data', (d) => console.log(String(d)));
    stream.stderr.on('data', (d) => console.log(String(d)));
    stream.on('exit', (status) => console.log('status', status));
    stream.on('close', files);
  });
}).connect({ host: '127.0.0.1', port: Number(port), username, privateKey: fs.readFileSync(key) });

function files() {
  client.sftp((err, sftp) => {
    fail(err);
    sftp.fastPut('source', 'up', (err) => {
      fail(err);
      sftp.fastGet('remote', 'down', (err) => {
        fail(err);
        sftp.readdir('.', (err, list) => {
          fail(err);
          console.log(list.map((e) => e.longname).join('\n'));
          sftp.rename('up', 'renamed', (err) => {
            fail(err);
            client.end();
          });
        });
      });
    });
  });
}
