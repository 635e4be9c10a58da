// Package sshconfig reads ssh_config(5), the files that say which host is meant by a name, and how to log in to it, and makes conch Targets of
// them:
//
//	config, err := sshconfig.Load() // ~/.ssh/config and /etc/ssh/ssh_config
//	target, err := config.Target("backup")
//	target.Exec(r, "uptime", nil)
//
// It understands Host, Include, and Match with the criteria all and host, and the keywords HostName, Port, User, IdentityFile, IdentitiesOnly,
// IdentityAgent, ForwardAgent, UserKnownHostsFile, GlobalKnownHostsFile, HostKeyAlias, StrictHostKeyChecking, Ciphers, MACs, KexAlgorithms,
// HostKeyAlgorithms (with +, - and ^), ServerAliveInterval, ServerAliveCountMax, ConnectTimeout, ProxyJump and ProxyCommand; other
// keywords are not looked at. The tokens %%, %d, %h, %i, %L, %l, %n, %p, %r and %u are expanded where ssh does so.
//
// Differences from ssh: other criteria of Match are an error, and Match host compares the name as it was given, not HostName; StrictHostKeyChecking
// no means accept-new; algorithms that x/crypto/ssh does not have are left out of a list as long as others remain; ConnectTimeout bounds
// the dialling; where both are given ProxyJump wins over ProxyCommand; a relative Include of the system's file is looked for in ~/.ssh.
//
// A Config does not change once it is loaded, and any goroutine may use it. Reading files blocks: not on the reactor goroutine.
package sshconfig
