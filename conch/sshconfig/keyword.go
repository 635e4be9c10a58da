package sshconfig

import "runtime"

// keyword is how the arguments of a keyword are read.
type keyword struct {
	name  string // the name that values are kept under; an alias has another name
	parse parser
	many  bool // every line adds values; otherwise the first line counts
}

const (
	maxIdentities = 100
	maxHostsFiles = 32
)

// keywords has the keywords of OpenSSH 9.2 to 10 and of the patches of Debian
// and Fedora.
var keywords = makeKeywords()

func makeKeywords() map[string]keyword {
	table := map[string]keyword{}
	add := func(p parser, names ...string) {
		for _, n := range names {
			table[n] = keyword{name: n, parse: p}
		}
	}
	add(yesNo, "batchmode", "canonicalizefallbacklocal", "checkhostip", "clearallforwardings", "enableescapecommandline",
		"enablesshkeysign", "exitonforwardfailure", "forkafterauthentication", "forwardx11", "forwardx11trusted",
		"gatewayports", "gssapiauthentication", "gssapidelegatecredentials", "gssapikeyexchange",
		"gssapirenewalforcesrekey", "gssapitrustdns", "hashknownhosts", "hostbasedauthentication", "identitiesonly",
		"kbdinteractiveauthentication", "nohostauthenticationforlocalhost", "passwordauthentication",
		"permitlocalcommand", "proxyusefdpass", "stdinnull", "streamlocalbindunlink", "tcpkeepalive", "visualhostkey")
	add(among("ask"), "updatehostkeys", "verifyhostkeydns")
	add(among("always"), "canonicalizehostname")
	add(among("auto", "ask", "autoask"), "controlmaster")
	add(among("force", "auto"), "requesttty")
	add(among("ethernet", "point-to-point"), "tunnel")
	add(strict, "stricthostkeychecking")
	add(pubkey, "pubkeyauthentication")
	add(family, "addressfamily")
	add(compress, "compression")
	add(session, "sessiontype")
	add(logLevel, "loglevel")
	add(facility, "syslogfacility")
	add(digest, "fingerprinthash")
	add(number, "canonicalizemaxdots", "connectionattempts", "numberofpasswordprompts", "requiredrsasize", "serveralivecountmax")
	add(seconds, "connecttimeout", "forwardx11timeout", "serveraliveinterval")
	add(port, "port")
	add(word, "bindaddress", "bindinterface", "certificatefile", "controlpath", "controlpersist",
		"gssapiclientidentity", "gssapikexalgorithms", "gssapiserveridentity", "hostkeyalias", "hostname",
		"identityfile", "ignoreunknown", "kbdinteractivedevices", "pkcs11provider", "preferredauthentications",
		"refuseconnection", "revokedhostkeys", "securitykeyprovider", "streamlocalbindmask", "tag", "tunneldevice",
		"user", "warnweakcrypto", "xauthlocation")
	add(domains, "canonicaldomains")
	add(list(maxHostsFiles), "globalknownhostsfile", "logverbose", "userknownhostsfile")
	add(addKeys, "addkeystoagent")
	add(anything, "canonicalizepermittedcnames", "channeltimeout", "obscurekeystroketiming",
		"permitremoteopen", "rekeylimit")
	add(command, "knownhostscommand", "localcommand", "proxycommand", "remotecommand", "versionaddendum")
	add(parseJump, "proxyjump")
	add(socket, "identityagent")
	add(forwardAgent, "forwardagent")
	add(environment, "sendenv")
	add(assignments, "setenv")
	add(forward(false, false), "localforward")
	add(forward(true, true), "remoteforward")
	add(forward(true, false), "dynamicforward")
	add(escape, "escapechar")
	add(service, "ipqos")
	add(names(cipherNames, false), "ciphers")
	add(names(macNames, false), "macs")
	add(names(kexNames, false), "kexalgorithms")
	add(names(keyNames, true), "casignaturealgorithms", "hostbasedacceptedalgorithms", "hostkeyalgorithms", "pubkeyacceptedalgorithms")
	// ssh accepts these without effect.
	add(ignoredWords, "afstokenpassing", "cipher", "compressionlevel", "fallbacktorsh", "globalknownhostsfile2",
		"kerberosauthentication", "kerberostgtpassing", "protocol", "rhostsauthentication",
		"rhostsrsaauthentication", "rsaauthentication", "userknownhostsfile2", "useprivilegedport", "useroaming", "usersh")
	if runtime.GOOS == "darwin" {
		add(ignoredWords, "applemultipath", "usekeychain")
	}
	for _, name := range []string{"certificatefile", "identityfile", "localforward", "remoteforward", "dynamicforward", "sendenv"} {
		k := table[name]
		k.many = true
		table[name] = k
	}
	for alias, name := range map[string]string{
		"challengeresponseauthentication": "kbdinteractiveauthentication", "dsaauthentication": "pubkeyauthentication",
		"hostbasedkeytypes": "hostbasedacceptedalgorithms", "identityfile2": "identityfile", "keepalive": "tcpkeepalive",
		"pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms", "skeyauthentication": "kbdinteractiveauthentication",
		"smartcarddevice": "pkcs11provider", "tisauthentication": "kbdinteractiveauthentication",
	} {
		table[alias] = table[name]
	}
	return table
}
