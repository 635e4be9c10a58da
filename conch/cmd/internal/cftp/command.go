package cftp

import (
	"context"
	"io"
	"slices"
	"strings"
)

// command is a command that the user can type.
type command struct {
	name    string
	aliases []string
	usage   string // the arguments, for the help
	help    string // one line
	flags   string // letters that may follow a dash
	min     int    // arguments
	max     int    // arguments; more are an error

	// places says what the arguments are, one letter each: r is a path at the
	// server, l a local path, x something else. The last letter is for all
	// further arguments.
	places string

	// rest makes the rest of the line one argument, which is not split.
	rest bool

	// reads is set if the command only reads: it changes neither the shell nor
	// anything at the server or in this machine, and asks the user nothing.
	reads bool

	run func(c *call) error

	// fetch, if not nil, is the part of run that only reads at the server. run
	// finds the result in call.fetched.
	fetch func(c *call) any
}

// call is one execution of a command.
type call struct {
	*Shell
	ctx      context.Context
	command  *command
	typed    string // the word that the user has typed for the command
	flags    string // the letters that were given
	args     []word
	rest     string // of the line, if the command has rest
	out, err io.Writer
	fetched  any
	failed   error  // the first of several failures
	wrote    string // the local path that a download has changed
}

func (c *call) has(flag byte) bool { return strings.IndexByte(c.flags, flag) >= 0 }

// commands are all commands, in the order of the help.
var commands []*command

func init() {
	commands = []*command{
		{name: "cat", usage: "path", help: "Print the content of remote files", min: 1, max: 1, places: "r", run: cat},
		{name: "cd", aliases: []string{"chdir"}, usage: "[path]", help: "Change the remote directory; alone: to the first",
			max: 1, places: "r", run: cd},
		{name: "chgrp", usage: "[-h] gid path", help: "Change the group of remote files; -h: of links", flags: "h",
			min: 2, max: 2, places: "xr", run: chgrp},
		{name: "chmod", usage: "[-h] mode path", help: "Change the permissions of remote files, in octal", flags: "h",
			min: 2, max: 2, places: "xr", run: chmod},
		{name: "chown", usage: "[-h] uid[:gid] path", help: "Change the owner of remote files; -h: of links", flags: "h",
			min: 2, max: 2, places: "xr", run: chown},
		{name: "cp", aliases: []string{"copy"}, usage: "old new", help: "Copy a remote file at the server", min: 2, max: 2, places: "r", run: copyFile},
		{name: "df", usage: "[-hi] [path]", help: "Show the space of a file system; -i: the inodes", flags: "hi",
			max: 1, places: "r", reads: true, run: df},
		{name: "exit", aliases: []string{"quit", "bye"}, help: "End the session; also quit and bye", run: quit},
		{name: "get", aliases: []string{"mget"}, usage: "[-afpr] remote [local]", help: "Download files; -r: and directories",
			flags: "afpPrR", min: 1, max: 2, places: "rl", run: get, fetch: prefetch},
		{name: "help", aliases: []string{"?"}, usage: "[command]", help: "Show this list; also ?", max: 1, places: "x", reads: true, run: help},
		{name: "lcd", aliases: []string{"lchdir"}, usage: "[path]", help: "Change the local directory; alone: to your home",
			max: 1, places: "l", run: lcd},
		{name: "lls", usage: "[options] [path]", help: "List a local directory with ls", places: "l", rest: true, run: lls},
		{name: "lmkdir", usage: "path", help: "Make a local directory", min: 1, max: 1, places: "l", run: lmkdir},
		{name: "ln", usage: "link target", help: "Make a symbolic link; or: ln -s target link", flags: "s",
			min: 2, max: 2, places: "r", run: link},
		{name: "lpwd", help: "Print the local directory", reads: true, run: lpwd},
		{name: "ls", aliases: []string{"dir"}, usage: "[-1afhlnrSt] [path]", help: "List remote files",
			flags: "1afhlnrSt", max: -1, places: "r", reads: true, run: ls},
		{name: "lumask", usage: "mode", help: "Set the umask for local files", min: 1, max: 1, places: "x", run: lumask},
		{name: "mkdir", usage: "path", help: "Make a remote directory", min: 1, max: 1, places: "r", run: mkdir},
		{name: "progress", help: "Turn the display of progress on or off", run: progress},
		{name: "put", aliases: []string{"mput"}, usage: "[-afpr] local [remote]", help: "Upload files; -r: and directories",
			flags: "afpPrR", min: 1, max: 2, places: "lr", run: put},
		{name: "pwd", help: "Print the remote directory", reads: true, run: pwd},
		{name: "reget", usage: "[-fpr] remote [local]", help: "Continue a download; get -a", flags: "afpPrR", min: 1, max: 2, places: "rl", run: get},
		{name: "rename", aliases: []string{"mv"}, usage: "old new", help: "Rename a remote file", min: 2, max: 2, places: "r", run: rename},
		{name: "reput", usage: "[-fpr] local [remote]", help: "Continue an upload; put -a", flags: "afpPrR", min: 1, max: 2, places: "lr", run: put},
		{name: "rm", usage: "path", help: "Remove remote files", min: 1, max: -1, places: "r", run: rm},
		{name: "rmdir", usage: "path", help: "Remove an empty remote directory", min: 1, max: 1, places: "r", run: rmdir},
		{name: "symlink", usage: "target link", help: "Make a remote symbolic link", min: 2, max: 2, places: "r", run: symlink},
		{name: "version", help: "Print the version of the SFTP protocol", reads: true, run: version},
		{name: "!", aliases: []string{"exec"}, usage: "[command]", help: "Run a local command, or a shell; also exec",
			places: "l", rest: true, run: system},
	}
}

// lookup returns the command of a name in any case, or nil.
func lookup(name string) *command {
	name = strings.ToLower(name)
	for _, c := range commands {
		if c.name == name || slices.Contains(c.aliases, name) {
			return c
		}
	}
	return nil
}
