// An SSH server of the package ssh2 with the files of a directory. Arguments:
// file of the host key, directory. It lets everybody in, listens on a free port
// of the loopback interface, prints the port, and ends when its standard input
// does. All handlers are asynchronous, and WRITE waits before it writes, as a
// server does that stores files elsewhere.

"use strict";

const fs = require("fs");
const path = require("path");
const { Server, utils } = require("ssh2");
const { OPEN_MODE, STATUS_CODE } = utils.sftp;

const [hostKey, root] = process.argv.slice(2);
const writeDelay = 5; // ms

const codes = { ENOENT: STATUS_CODE.NO_SUCH_FILE, ENOTDIR: STATUS_CODE.NO_SUCH_FILE, EACCES: STATUS_CODE.PERMISSION_DENIED };

function local(name) {
  return path.join(root, path.posix.resolve("/", name));
}

function entry(name, stats) {
  return { filename: name, longname: `${stats.isDirectory() ? "d" : "-"}rw-r--r-- 1 u u ${stats.size} ${name}`, attrs: attrs(stats) };
}

function attrs(stats) {
  const seconds = (t) => Math.floor(t / 1000);
  return { mode: stats.mode, uid: stats.uid, gid: stats.gid, size: stats.size, atime: seconds(stats.atimeMs), mtime: seconds(stats.mtimeMs) };
}

function systemFlags(flags) {
  const { O_RDONLY, O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_TRUNC, O_EXCL } = fs.constants;
  const { READ, WRITE, APPEND, CREAT, TRUNC, EXCL } = OPEN_MODE;
  let system = flags & WRITE ? (flags & READ ? O_RDWR : O_WRONLY) : O_RDONLY;
  for (const [flag, bit] of [[APPEND, O_APPEND], [CREAT, O_CREAT], [TRUNC, O_TRUNC], [EXCL, O_EXCL]]) {
    if (flags & flag) system |= bit;
  }
  return system;
}

function serve(sftp) {
  const dirs = new Map(); // handle to entries that are left; null after the last
  let nextDir = 1 << 20;
  const number = (handle) => handle.readUInt32BE(0);
  const handle = (n) => {
    const b = Buffer.alloc(4);
    b.writeUInt32BE(n);
    return b;
  };
  const done = (id) => (err) => sftp.status(id, err ? codes[err.code] || STATUS_CODE.FAILURE : STATUS_CODE.OK);
  const then = (id, f) => (err, value) => (err ? done(id)(err) : f(value));
  const set = (id, call, changes) => {
    const steps = [];
    if (changes.size !== undefined) steps.push((next) => call.truncate(changes.size, next));
    if (changes.mode !== undefined) steps.push((next) => call.chmod(changes.mode & 0o7777, next));
    if (changes.mtime !== undefined) steps.push((next) => call.utimes(changes.atime, changes.mtime, next));
    const run = (err) => (err || steps.length === 0 ? done(id)(err) : steps.shift()(run));
    run(null);
  };

  sftp.on("OPEN", (id, name, flags, wanted) => {
    const mode = wanted.mode === undefined ? 0o644 : wanted.mode & 0o777;
    fs.open(local(name), systemFlags(flags), mode, then(id, (fd) => sftp.handle(id, handle(fd))));
  });
  sftp.on("WRITE", (id, h, offset, data) => {
    setTimeout(() => fs.write(number(h), data, 0, data.length, offset, done(id)), writeDelay);
  });
  sftp.on("READ", (id, h, offset, length) => {
    const data = Buffer.alloc(length);
    fs.read(number(h), data, 0, length, offset, then(id, (n) => (n ? sftp.data(id, data.subarray(0, n)) : sftp.status(id, STATUS_CODE.EOF))));
  });
  sftp.on("CLOSE", (id, h) => (dirs.delete(number(h)) ? done(id)(null) : fs.close(number(h), done(id))));
  sftp.on("FSTAT", (id, h) => fs.fstat(number(h), then(id, (stats) => sftp.attrs(id, attrs(stats)))));
  sftp.on("STAT", (id, name) => fs.stat(local(name), then(id, (stats) => sftp.attrs(id, attrs(stats)))));
  sftp.on("LSTAT", (id, name) => fs.lstat(local(name), then(id, (stats) => sftp.attrs(id, attrs(stats)))));
  sftp.on("FSETSTAT", (id, h, changes) => {
    const fd = number(h);
    const call = {};
    for (const f of ["truncate", "chmod", "utimes"]) call[f] = fs["f" + f].bind(fs, fd);
    set(id, call, changes);
  });
  sftp.on("SETSTAT", (id, name, changes) => {
    const call = {};
    for (const f of ["truncate", "chmod", "utimes"]) call[f] = fs[f].bind(fs, local(name));
    set(id, call, changes);
  });
  sftp.on("OPENDIR", (id, name) => {
    fs.readdir(local(name), then(id, (names) => {
      dirs.set(++nextDir, names.map((n) => entry(n, fs.lstatSync(path.join(local(name), n)))));
      sftp.handle(id, handle(nextDir));
    }));
  });
  sftp.on("READDIR", (id, h) => {
    const left = dirs.get(number(h));
    if (!left || left.length === 0) return sftp.status(id, left ? STATUS_CODE.EOF : STATUS_CODE.FAILURE);
    sftp.name(id, left.splice(0, 100));
  });
  sftp.on("REMOVE", (id, name) => fs.unlink(local(name), done(id)));
  sftp.on("RMDIR", (id, name) => fs.rmdir(local(name), done(id)));
  sftp.on("MKDIR", (id, name, wanted) => fs.mkdir(local(name), wanted.mode === undefined ? 0o755 : wanted.mode & 0o777, done(id)));
  sftp.on("RENAME", (id, from, to) => {
    fs.link(local(from), local(to), then(id, () => fs.unlink(local(from), done(id)))); // fails if the target exists
  });
  sftp.on("REALPATH", (id, name) => sftp.name(id, [{ filename: path.posix.resolve("/", name), longname: "", attrs: {} }]));
  sftp.on("READLINK", (id, name) => fs.readlink(local(name), then(id, (to) => sftp.name(id, [{ filename: to, longname: "", attrs: {} }]))));
  sftp.on("SYMLINK", (id, link, target) => fs.symlink(target, local(link), done(id)));
}

const server = new Server({ hostKeys: [fs.readFileSync(hostKey)] }, (client) => {
  client.on("authentication", (ctx) => ctx.accept());
  client.on("error", () => {}); // the client has gone
  client.on("ready", () => client.on("session", (accept) => accept().on("sftp", (accepted) => serve(accepted()))));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit(0));
