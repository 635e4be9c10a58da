// Package sshconfig reads ssh_config(5), the configuration of the ssh command,
// and makes Targets of package client from it:
//
//	config, err := sshconfig.Load() // ~/.ssh/config and /etc/ssh/ssh_config
//	target, err := config.Target("backup")
//	target.Exec(r, "uptime", nil)
//
// [Config.Override] puts lines before those of the files, as ssh's option -o does,
// and [Config.Lookup] returns a [Host], which has the Target and all other values.
//
// [Config.Target] evaluates the files as ssh -G does. The package knows the
// keywords of OpenSSH 9.2 to 10 and of the patches of Debian and Fedora. There
// are three kinds of keywords.
//
//   - Honoured: most keywords about the connection, such as host names, ports,
//     jump hosts, proxy commands, host keys, identities, agents, authentication
//     methods, algorithms and timeouts.
//   - Refused: keywords that would change the client's behaviour and are not
//     supported. Target returns an error that names the file and the line. The
//     keywords are BindInterface, ChannelTimeout, CheckHostIP,
//     KnownHostsCommand, NoHostAuthenticationForLocalhost, PKCS11Provider,
//     ProxyUseFdpass, RekeyLimit, RevokedHostKeys and VerifyHostKeyDNS. Values
//     that change nothing, such as no and none, are accepted.
//   - Ignored: keywords that are checked and do not affect a Target. As with scp
//     and sftp, the program decides on sessions and forwardings: LocalForward,
//     SendEnv, SetEnv, RemoteCommand, RequestTTY, ForwardX11 and others. A
//     program can read these with [Config.Get]. The client does not have the
//     features behind ControlMaster, Compression, GSSAPIAuthentication,
//     HostbasedAuthentication, AddKeysToAgent and UpdateHostKeys. LogLevel,
//     VisualHostKey and others are about messages.
//
// An unknown keyword is an error unless IgnoreUnknown names it.
//
// # Differences from ssh
//
//   - The home directory is $HOME, not the one in the user database.
//   - StrictHostKeyChecking no means accept-new: a changed key is refused.
//   - Algorithms that x/crypto/ssh does not have are left out of lists. Lists with
//     +, - and ^ start from the client's defaults.
//   - RequiredRSASize applies to host keys, not to users' keys.
//   - BindAddress takes an IP address, not a name.
//   - ServerAliveInterval is 300 by default with BatchMode, as in Debian.
//   - Host and user names in a command (%h, %n, %k, %j and %r in ProxyCommand
//     and Match exec) must be safe in a shell even if they come from a file. ssh
//     checks only those of the command line.
//   - CanonicalizePermittedCNAMEs, Match version and tokens in Include are
//     errors.
//   - %j and %C are those of OpenSSH 9.6 and later.
//   - Match lines are split like other lines, as in OpenSSH 10: backslashes and
//     single quotes have a meaning.
//   - Load and Parse read all files, once. ssh reads files for each host.
package sshconfig
