package sshconfig

// sshCase is a configuration and the names to resolve. {DIR} stands for a
// directory with the files in included, {USER} for the local user.
type sshCase struct {
	name    string
	config  string
	targets []string
}

// included are the files in {DIR}.
var included = map[string]string{
	"one.conf":        "Host one\n  Port 1001\n",
	"two.conf":        "User two\n",
	"with space.conf": "User spacey\n",
	".hidden.conf":    "Port 1234\n",
	"deep/a.conf":     "Include {DIR}/two.conf\nHost x\n  Port 77\n",
	"deep/b.conf":     "Port 78\n",
	"loop.conf":       "Include {DIR}/loop.conf\n",
	"bad.conf":        "Nonsense yes\n",
	"host.conf":       "Host other\n  Port 5\nHost *\n  Port 6\n",
	"match.conf":      "Match host b\n  Port 9\n",
	"crypto.conf":     fedoraCrypto,
	"redhat.conf":     fedoraRedhat,
}

var sshCases = []sshCase{
	// Lines.
	{"empty", "", []string{"h", "u@h", "ssh://u@h:99", "H.Example", "u@v@h"}},
	{"case of keywords", "HOST h\n  PORT 23\n  hOsTnAmE Real\n", []string{"h", "H"}},
	{"equals", "Host=h\nPort=23\nUser = bob\nHostName\t=\tx\n", []string{"h", "i"}},
	{"two equals", "User ==bob\n", []string{"h"}},
	{"equals in a value", "User a=b\n", []string{"h"}},
	{"comments", "# c\n  # d\nPort 23 # e\nUser bob# f\n#\n", []string{"h"}},
	{"no newline", "Port 23", []string{"h"}},
	{"carriage returns", "Host h\r\n  Port 23\r\n", []string{"h"}},
	{"form feed", "Port 23 \f\nUser x\f\n", []string{"h"}},
	{"tabs", "\tHost\th\n\t\tPort\t23\n", []string{"h", "i"}},
	{"quoted host", "Host \"h\" \"i j\"\n  Port 23\n", []string{"h", "i"}},
	{"single quotes", "Host 'h'\n  User 'a b'\n", []string{"h"}},
	{"quote in a word", "User a\"b c\"d\n", []string{"h"}},
	{"escapes", "User a\\ b\nIdentityFile /x\\\\y\nIdentityFile \"/a\\\"b\"\nIdentityFile /n\\q\n", []string{"h"}},
	{"escaped blank in quotes", "User \"a\\ b\"\n", []string{"h"}},
	{"hash in quotes", "User \"a #b\"\n", []string{"h"}},
	{"open quote", "User \"a\n", []string{"h"}},
	{"open quote elsewhere", "Host other\n  User 'a\n", []string{"h"}},
	{"quoted keyword", "\"Port\" 23\n", []string{"h"}},
	{"quoted keyword with the rest", "\"Port 23\"\n", []string{"h"}},
	{"quote in a keyword", "Po\"rt\" 23\n", []string{"h"}},
	{"open quote at a keyword", "\"Port 23\nUser x\n", []string{"h"}},
	{"no argument", "Port\n", []string{"h"}},
	{"no argument but a comment", "Port # 23\n", []string{"h"}},
	{"empty argument", "User \"\"\n", []string{"h"}},
	{"extra argument", "Port 23 24\n", []string{"h"}},
	{"unknown keyword", "Nonsense yes\n", []string{"h"}},
	{"unknown keyword elsewhere", "Host other\n  Nonsense yes\n", []string{"h"}},
	{"ignored keyword", "IgnoreUnknown non*,other\nNonsense yes\nOther \"a b\" c\nPort 23\n", []string{"h"}},
	{"ignored keyword in a host", "Host h\n  IgnoreUnknown Nonsense\n  Nonsense yes\nHost *\n Port 23\n", []string{"h", "i"}},
	{"ignored too late", "Nonsense yes\nIgnoreUnknown Nonsense\n", []string{"h"}},
	{"ignored with an open quote", "IgnoreUnknown nonsense\nNonsense \"yes\n", []string{"h"}},
	{"deprecated", "Protocol 2\nUseRoaming no\nRSAAuthentication yes\nCipher x\nPort 23\n", []string{"h"}},

	// Host.
	{"first value wins", "Host h\n  Port 1\nHost *\n  Port 2\n  User u\nPort 3\n", []string{"h", "i"}},
	{"before any host", "Port 4\nHost h\n  Port 1\n", []string{"h"}},
	{"wildcards", "Host *.example.com\n  Port 1\nHost 10.0.?.1\n  Port 2\nHost a*b*c\n  Port 3\n", []string{"x.example.com", "example.com", "10.0.7.1", "10.0.77.1", "aXbYc", "aXc"}},
	{"negation", "Host * !h\n  Port 1\nHost !i *\n  Port 2\nHost !j\n  Port 3\n", []string{"h", "i", "j", "k"}},
	{"negated pattern", "Host !*.lan *\n  Port 1\n", []string{"a.lan", "a.wan"}},
	{"case of hosts", "Host foo\n  Port 1\nHost BAR\n  Port 2\n", []string{"FOO", "foo", "bar", "BAR"}},
	{"host with a comma", "Host a,b\n  Port 1\n", []string{"a", "b"}},
	{"empty host", "Host \"\"\n", []string{"h"}},
	{"host and a comment", "Host h # i\n  Port 1\n", []string{"h", "i", "#"}},

	// Match.
	{"match all", "Match all\n  Port 1\n", []string{"h"}},
	{"match not all", "Match !all\n  Port 1\n", []string{"h"}},
	{"match host", "Match host a,h\n  Port 1\nMatch host *.x,!b.x\n  Port 2\n", []string{"a", "h", "b", "a.x", "b.x", "A"}},
	{"match host after HostName", "Host h\n  HostName real.%h\nMatch host real.h\n  Port 1\nMatch host h\n  Port 2\n", []string{"h", "real.h"}},
	{"match originalhost", "Host h\n  HostName real\nMatch originalhost h\n  Port 1\nMatch originalhost real\n  Port 2\n", []string{"h", "real"}},
	{"match not", "Match !host h\n  Port 1\nMatch !originalhost i user alice,bob\n  Port 2\n", []string{"h", "i", "bob@h", "bob@j"}},
	{"match user", "Match user bob,al*\n  Port 1\nMatch user !bob,*\n  Port 2\n", []string{"bob@h", "alice@h", "carl@h"}},
	{"match user of the file", "Host h\n  User bob\nMatch user bob\n  Port 1\n", []string{"h", "al@h", "i"}},
	{"match localuser", "Match localuser *\n  Port 1\n", []string{"h"}},
	{"match localuser, nobody", "Match localuser no.such.user\n  Port 1\n", []string{"h"}},
	{"match exec", "Match exec \"test %h = h\"\n  Port 1\nMatch exec \"exit 1\"\n  Port 2\nMatch !exec false\n  User x\n", []string{"h", "i"}},
	{"match exec by tokens", "Match exec \"test %n.%p.%r = h.22.bob\"\n  Port 1\nMatch originalhost h exec \"test -n '%l%L%d%u%i%C%k'\"\n  User x\n", []string{"bob@h", "h"}},
	{"match exec is not run", "Match host i exec \"touch {DIR}/ran\"\n  Port 1\nMatch exec \"test -e {DIR}/ran\"\n  Port 2\n", []string{"h"}},
	{"match exec in the environment", "Match exec \"test $HAWSER_VALUE = value\"\n  Port 1\n", []string{"h"}},
	{"match exec, bad token", "Match exec \"test %q\"\n  Port 1\n", []string{"h"}},
	{"match exec killed", "Match exec \"kill -9 $$\"\n  Port 1\n", []string{"h"}},
	{"match exec with equals", "Match exec=true host=h\n  Port 1\n", []string{"h", "i"}},
	{"match final all", "Match final all\n  Port 1\nHost *\n  Port 2\n", []string{"h"}},
	{"match final host", "Match final host real\n  User bob\nHost h\n  HostName Real\nHost real\n  Port 5\n", []string{"h", "real"}},
	{"match not final", "Match !final host h\n  Port 1\nMatch final host h\n  User x\n", []string{"h"}},
	{"match canonical", "Match canonical all\n  Port 1\nMatch !canonical all\n  User x\n", []string{"h"}},
	{"match canonical in the second pass", "CanonicalizeHostname yes\nCanonicalDomains none\nMatch canonical all\n  Port 1\nHost H\n User x\n", []string{"h", "H"}},
	{"canonical with a proxy", "CanonicalizeHostname yes\nCanonicalDomains none\nProxyCommand x\nMatch canonical host h\n  Port 1\n", []string{"h"}},
	{"final accumulates once", "IdentityFile /a\nMatch final all\n  IdentityFile /b\n  IdentityFile /a\n", []string{"h"}},
	{"match case", "MATCH HOST h ALL\n  Port 1\n", []string{"h"}},
	{"match all with others", "Match host h user root all\n  Port 1\n", []string{"h"}},
	{"match all first", "Match all host h\n  Port 1\n", []string{"h"}},
	{"match nothing", "Match\n  Port 1\n", []string{"h"}},
	{"match without argument", "Match host\n  Port 1\n", []string{"h"}},
	{"match unknown", "Match planet earth\n  Port 1\n", []string{"h"}},
	{"match unknown elsewhere", "Host other\n  Port 1\nMatch host other planet earth\n  Port 1\n", []string{"h"}},
	{"match comment", "Match host h # i\n  Port 1\n", []string{"h", "i"}},
	{"match quoted", "Match host \"h\" user \"*\"\n  Port 1\n", []string{"h"}},
	{"match with port first", "Port 7\nMatch exec \"test %p = 7\"\n  User x\n", []string{"h", "ssh://h:7", "ssh://h:8"}},
	{"match alias token", "HostKeyAlias al\nMatch exec \"test %k = al\"\n  User x\n", []string{"h"}},

	// Include.
	{"include", "Include {DIR}/one.conf\nUser after\n", []string{"one", "h"}},
	{"include several", "Include {DIR}/one.conf {DIR}/two.conf\n", []string{"one", "h"}},
	{"include quoted", "Include \"{DIR}/with space.conf\"\n", []string{"h"}},
	{"include escaped", "Include {DIR}/with\\ space.conf\n", []string{"h"}},
	{"include glob", "Include {DIR}/*e.conf {DIR}/deep/?.conf\n", []string{"one", "x", "h"}},
	{"include hidden", "Include {DIR}/*hidden.conf\n", []string{"h"}},
	{"include hidden by name", "Include {DIR}/.h*.conf\n", []string{"h"}},
	{"include missing", "Include {DIR}/missing.conf {DIR}/missing*\nPort 2\n", []string{"h"}},
	{"include nested", "Include {DIR}/deep/a.conf\n", []string{"x", "h"}},
	{"include in a host", "Host h\n  Include {DIR}/host.conf\n  User in\nHost i\n  User out\n", []string{"h", "i", "other"}},
	{"include in a match", "Match host b\n  Include {DIR}/match.conf\nUser x\n", []string{"b", "c"}},
	{"include loop", "Include {DIR}/loop.conf\n", []string{"h"}},
	{"include with a bad line", "Include {DIR}/bad.conf\n", []string{"h"}},
	{"include with a bad line elsewhere", "Host other\n  Include {DIR}/bad.conf\n", []string{"h"}},
	{"include directory", "Include {DIR}/deep\nPort 3\n", []string{"h"}},
	{"include empty", "Include \"\"\n", []string{"h"}},
	{"include with home", "Include ~/.hawser-no-such-file\nPort 2\n", []string{"h"}},

	// Host names.
	{"hostname", "Host h\n  HostName Real.Example\nHost *.d\n  HostName %h.example\n", []string{"h", "a.d", "A.D"}},
	{"hostname percent", "HostName a%%b%h\n", []string{"h"}},
	{"hostname bad token", "HostName %p\n", []string{"h"}},
	{"hostname single percent", "HostName x%\n", []string{"h"}},
	{"addresses", "Host 10.*\n  Port 1\n", []string{"10.1.2.3", "127.1", "0x7f.1", "1", "::1", "::0001", "fe80::1%lo", "1.2.3.4.5", "2001:DB8::1"}},
	{"addresses as HostName", "Host a\n  HostName ::0001\nHost b\n  HostName 127.1\n", []string{"a", "b"}},
	{"bad names", "Port 1\n", []string{"-x", "`touch x`.example", "$(x)", "a b", "a;b", "a\"b", "a'b", "a|b", "a&b", "a<b", "a>b", "{a}", "a\\b",
		"-u@h", "u;x@h", "`u`@h", "u'x@h", "u|x@h", "u -x@h", "u\\@h", "@h"}},
	{"good names", "Port 1\n", []string{"u\\x@h", "u$x@h", "u x@h", "h_x", "h.", "ü", "u.v-w@h"}},
	{"uris", "Port 1\n", []string{"ssh://h", "ssh://h/", "ssh://u@h", "ssh://h:0", "ssh://h:70000", "ssh://h/x", "ssh://u%40v@h", "ssh://@h", "ssh://u;x=y@h", "ssh://", "ssh://[::1]:5", "ssh://-x"}},
	{"destination wins", "Port 1\nUser bob\n", []string{"al@h", "ssh://al@h:5"}},

	// Values.
	{"flags", "BatchMode True\nIdentitiesOnly FALSE\nPasswordAuthentication no\nKbdInteractiveAuthentication nO\nPubkeyAuthentication no\nTCPKeepAlive no\nCheckHostIP yes\n", []string{"h"}},
	{"bad flag", "BatchMode perhaps\n", []string{"h"}},
	{"bad flag elsewhere", "Host other\n  BatchMode perhaps\n", []string{"h"}},
	{"identities only", "IdentitiesOnly true\n", []string{"h"}},
	{"ports", "Host a\n  Port 0\nHost b\n", []string{"a", "b"}},
	{"port too large", "Port 70000\n", []string{"h"}},
	{"port negative", "Port -1\n", []string{"h"}},
	{"port by name", "Port ssh\n", []string{"h"}},
	{"port text", "Port no.such.service\n", []string{"h"}},
	{"port most", "Port 65535\n", []string{"h"}},
	{"times", "ConnectTimeout 1m\nServerAliveInterval 1h30m\n", []string{"h"}},
	{"time units", "ConnectTimeout 1w2d3h4m5s\nServerAliveInterval 30S\n", []string{"h"}},
	{"time none", "ConnectTimeout none\nServerAliveInterval 0\n", []string{"h"}},
	{"bad time", "ConnectTimeout 5x\n", []string{"h"}},
	{"empty unit", "ConnectTimeout m\n", []string{"h"}},
	{"time overflow", "ConnectTimeout 99999999w\n", []string{"h"}},
	{"negative time", "ConnectTimeout -5\n", []string{"h"}},
	{"numbers", "ServerAliveCountMax 7\nNumberOfPasswordPrompts 1\nConnectionAttempts 4\nRequiredRSASize 2048\n", []string{"h"}},
	{"bad number", "ServerAliveCountMax -2\n", []string{"h"}},
	{"number text", "NumberOfPasswordPrompts many\n", []string{"h"}},
	{"no attempts", "ConnectionAttempts 0\n", []string{"h"}},
	{"strict yes", "StrictHostKeyChecking yes\n", []string{"h"}},
	{"strict no", "StrictHostKeyChecking no\n", []string{"h"}},
	{"strict off", "StrictHostKeyChecking Off\n", []string{"h"}},
	{"strict new", "StrictHostKeyChecking accept-new\n", []string{"h"}},
	{"strict ask", "StrictHostKeyChecking ask\n", []string{"h"}},
	{"strict bad", "StrictHostKeyChecking sometimes\n", []string{"h"}},
	{"pubkey kinds", "Host a\n  PubkeyAuthentication unbound\nHost b\n  PubkeyAuthentication host-bound\n", []string{"a", "b"}},
	{"old names", "ChallengeResponseAuthentication no\nPubkeyAcceptedKeyTypes +ssh-rsa\nDSAAuthentication no\nKeepAlive no\n", []string{"h"}},
	{"family", "AddressFamily inet6\nBindAddress 127.0.0.1\n", []string{"h"}},
	{"bad family", "AddressFamily ipx\n", []string{"h"}},
	{"preferred", "PreferredAuthentications publickey,password\n", []string{"h"}},
	{"alias", "HostKeyAlias MyAlias\n", []string{"h", "ssh://h:2222"}},
	{"canonicalize values", "Host a\n  CanonicalizeHostname no\nHost b\n  CanonicalizeHostname always\n  CanonicalDomains none\n", []string{"a", "b"}},
	{"other keywords", "LogLevel DEBUG\nCompression yes\nControlMaster auto\nControlPath ~/.ssh/%C\nControlPersist 10m\nEscapeChar none\nVisualHostKey yes\nSendEnv LANG LC_*\nSetEnv A=b\nAddKeysToAgent yes\nUpdateHostKeys no\nHashKnownHosts yes\nForwardX11 no\nRequestTTY no\nTunnel no\nIPQoS af21 cs1\nRekeyLimit 1G 1h\nLocalForward 8080 localhost:80\nRemoteForward 9090 localhost:90\nDynamicForward 1080\nPermitLocalCommand no\nFingerprintHash md5\nGSSAPIAuthentication yes\nPort 23\n", []string{"h"}},
	{"bad env", "SendEnv A=b\n", []string{"h"}},
	{"bad setenv", "SetEnv A\n", []string{"h"}},
	{"bad log level", "LogLevel LOUD\n", []string{"h"}},
	{"forwards", "LocalForward 80 [::1]:81\nLocalForward [::1]:80 a:81\nLocalForward *:80 a:81\nLocalForward /s a:81\nLocalForward 80 /s\nLocalForward a:80 /s\n" +
		"LocalForward /s /t\nLocalForward 80 [::1]:81\nRemoteForward 0 a:81\nRemoteForward 1080\nRemoteForward a:1080\nRemoteForward ${HAWSER_VALUE}:5 b:6\nDynamicForward [::1]:1080\nDynamicForward 1081\n", []string{"h"}},
	{"forward without port", "LocalForward 80 a\n", []string{"h"}},
	{"forward with port 0", "LocalForward 0 a:80\n", []string{"h"}},
	{"forward with a bad port", "RemoteForward *9090 a:80\n", []string{"h"}},
	{"forward to port 0", "RemoteForward 90 a:0\n", []string{"h"}},
	{"forward of five", "RemoteForward a:b:90 a:80:c\n", []string{"h"}},
	{"dynamic forward with a target", "DynamicForward 80 a:80\n", []string{"h"}},
	{"algorithms with empty names", "MACs ,hmac-sha2-512\nCiphers aes128-ctr,,nonsense\n", []string{"h"}},
	{"bad escape", "EscapeChar non\n", []string{"h"}},
	{"escape", "EscapeChar ^a\n", []string{"h"}},
	{"bad service", "IPQoS afa21\n", []string{"h"}},
	{"services", "IPQoS 0x10 EF\n", []string{"h"}},
	{"form feed alone", "Port 23\n\f\n", []string{"h"}},
	{"bad forward", "LocalForward 8080\n", []string{"h"}},

	// Files.
	{"identities", "IdentityFile ~/.ssh/a\nIdentityFile /b/%n-%r\nIdentityFile ~/.ssh/a\nHost h\n  IdentityFile \"/c d\"\n", []string{"h", "i"}},
	{"identity none", "IdentityFile none\n", []string{"h"}},
	{"identity of two words", "IdentityFile a b\n", []string{"h"}},
	{"certificates", "CertificateFile ~/c.pub\nCertificateFile /d\n", []string{"h"}},
	{"known hosts", "UserKnownHostsFile /a /b\n", []string{"h"}},
	{"known hosts quoted", "UserKnownHostsFile \"/a b\" '/c'\n", []string{"h"}},
	{"known hosts none", "UserKnownHostsFile none\n", []string{"h"}},
	{"known hosts None", "UserKnownHostsFile NONE\nGlobalKnownHostsFile None\n", []string{"h"}},
	{"known hosts none and more", "UserKnownHostsFile none /a\n", []string{"h"}},
	{"known hosts by environment", "UserKnownHostsFile ${HAWSER_VALUE}/known\n", []string{"h"}},
	{"known hosts, missing environment", "UserKnownHostsFile ${HAWSER_NOT_SET}/known\n", []string{"h"}},
	{"known hosts, open environment", "UserKnownHostsFile ${HAWSER_VALUE\n", []string{"h"}},
	{"known hosts at home", "UserKnownHostsFile ~/x ~/.ssh/known_hosts.d/%k\n", []string{"h"}},
	{"known hosts of a user", "UserKnownHostsFile ~{USER}/x\n", []string{"h"}},
	{"known hosts of nobody", "UserKnownHostsFile ~no.such.user/x\n", []string{"h"}},
	{"known hosts tokens", "UserKnownHostsFile /k/%h.%n.%p.%r.%k.%%\n", []string{"bob@h", "ssh://al@h:9"}},
	{"known hosts local tokens", "UserKnownHostsFile /k/user=%u. /k/uid=%i. /k/host=%l. /k/short=%L. /k/hash=%C. %d/x\n", []string{"bob@h"}},
	{"known hosts bad token", "UserKnownHostsFile /k/%q\n", []string{"h"}},
	{"known hosts relative", "UserKnownHostsFile known\n", []string{"h"}},
	{"known hosts alias token", "HostKeyAlias Al\nUserKnownHostsFile /k/%k\n", []string{"h"}},
	{"environment is not expanded again", "UserKnownHostsFile ${HAWSER_PERCENT}/x\n", []string{"h"}},
	{"global known hosts", "GlobalKnownHostsFile /g\n", []string{"h"}},
	{"both known hosts", "GlobalKnownHostsFile /g /h\nUserKnownHostsFile /u\n", []string{"h"}},

	// Agents.
	{"agent none", "IdentityAgent none\n", []string{"h"}},
	{"agent variable", "IdentityAgent SSH_AUTH_SOCK\n", []string{"h"}},
	{"agent legacy variable", "IdentityAgent $HAWSER_VALUE\n", []string{"h"}},
	{"agent new variable", "IdentityAgent ${HAWSER_VALUE}/s\n", []string{"h"}},
	{"agent missing variable", "IdentityAgent ${HAWSER_NOT_SET}\n", []string{"h"}},
	{"agent missing variable elsewhere", "Host other\n  IdentityAgent ${HAWSER_NOT_SET}\n", []string{"h"}},
	{"agent bad variable", "IdentityAgent $a-b\n", []string{"h"}},
	{"agent path", "IdentityAgent ~/s.%h\n", []string{"h"}},
	{"forward agent", "Host a\n  ForwardAgent yes\nHost b\n  ForwardAgent ~/s.%r\nHost c\n  ForwardAgent $HAWSER_VALUE\nHost d\n  ForwardAgent False\n", []string{"a", "x@b", "c", "d", "e"}},

	// Proxies.
	{"jump", "Host h\n  ProxyJump gate\nHost i\n  ProxyJump me@gate:2022\n", []string{"h", "i"}},
	{"jumps", "ProxyJump a,b@c:5,ssh://d@e:6\n", []string{"h"}},
	{"jump none", "Host h\n  ProxyJump none\nHost *\n  ProxyJump gate\n", []string{"h", "i"}},
	{"jump and a word", "ProxyJump gate other\n", []string{"h"}},
	{"jump with blanks", "ProxyJump a, b\n", []string{"h"}},
	{"jump quoted", "ProxyJump \"gate\"\n", []string{"h"}},
	{"jump none before command", "ProxyJump none\nProxyCommand nc %h %p\n", []string{"h"}},
	{"bad domain", "CanonicalDomains a..b\n", []string{"h"}},
	{"jump comment", "ProxyJump gate # c\n", []string{"h"}},
	{"jump addresses", "Host a\n  ProxyJump [::1]:5\nHost b\n  ProxyJump 10.0.0.1\n", []string{"a", "b"}},
	{"jump bad port", "ProxyJump gate:0\n", []string{"h"}},
	{"jump bad port elsewhere", "Host other\n  ProxyJump gate:70000\n", []string{"h"}},
	{"jump without user", "ProxyJump @gate\n", []string{"h"}},
	{"jump with an empty hop", "ProxyJump a,,b\n", []string{"h"}},
	{"jump bad uri", "ProxyJump ssh://gate/path\n", []string{"h"}},
	{"jump before command", "ProxyJump gate\nProxyCommand nc %h %p\n", []string{"h"}},
	{"command before jump", "ProxyCommand nc %h %p\nProxyJump gate\n", []string{"h"}},
	{"command", "ProxyCommand = nc -x \"a b\" %h %p # no comment\n", []string{"h"}},
	{"command none", "Host h\n  ProxyCommand none\nHost *\n  ProxyCommand nc %h %p\n", []string{"h", "i"}},
	{"command none before jump", "Host h\n  ProxyCommand none\nHost *\n  ProxyJump gate\n", []string{"h", "i"}},
	{"command with an open quote", "ProxyCommand echo 'x\n", []string{"h"}},
	{"jump to itself", "ProxyJump h\n", []string{"h", "ssh://h:5"}},

	// Algorithms.
	{"ciphers", "Ciphers aes256-ctr,aes128-ctr\n", []string{"h"}},
	{"ciphers plus", "Ciphers +aes128-cbc\n", []string{"h"}},
	{"ciphers plus known", "Ciphers +aes128-ctr\n", []string{"h"}},
	{"ciphers minus", "Ciphers -aes*,*poly*\n", []string{"h"}},
	{"ciphers minus some", "Ciphers -aes*-ctr,!aes128-ctr\n", []string{"h"}},
	{"ciphers first", "Ciphers ^aes256-ctr,3des-cbc\n", []string{"h"}},
	{"ciphers unknown", "Ciphers rot13\n", []string{"h"}},
	{"ciphers unknown elsewhere", "Host other\n  Ciphers +rot13\n", []string{"h"}},
	{"ciphers with wildcards", "Ciphers aes*\n", []string{"h"}},
	{"MACs", "MACs -hmac-sha1*\n", []string{"h"}},
	{"MACs first", "MACs ^hmac-sha2-512\n", []string{"h"}},
	{"key exchange", "KexAlgorithms +diffie-hellman-group14-sha1\n", []string{"h"}},
	{"key exchange minus", "KexAlgorithms -*nist*,diffie*\n", []string{"h"}},
	{"key exchange unknown", "KexAlgorithms +nonsense\n", []string{"h"}},
	{"host keys", "HostKeyAlgorithms ^ssh-ed25519\n", []string{"h"}},
	{"host keys plus", "HostKeyAlgorithms +ssh-rsa\nPubkeyAcceptedAlgorithms +ssh-rsa\n", []string{"h"}},
	{"host keys with wildcards", "HostKeyAlgorithms ssh-ed25519*,rsa-*\n", []string{"h"}},
	{"host keys minus", "HostKeyAlgorithms -ecdsa*\nCASignatureAlgorithms -rsa*\n", []string{"h"}},
	{"host keys unknown", "HostKeyAlgorithms ssh-nonsense\n", []string{"h"}},

	// Files of distributions.
	{"debian", debian, []string{"h", "u@Some.Host"}},
	{"fedora", fedora, []string{"h", "u@Some.Host"}},
}

// debian is /etc/ssh/ssh_config of Debian 12, without its comments.
const debian = `
Include /etc/hawser-no-such-directory/*.conf

Host *
#   ForwardAgent no
#   ProxyCommand ssh -q -W %h:%p gateway.example.com
    SendEnv LANG LC_*
    HashKnownHosts yes
    GSSAPIAuthentication yes
`

// fedora is /etc/ssh/ssh_config of Fedora and RHEL 9. The files that it
// includes are next to it.
const fedora = `
# To modify the system-wide ssh configuration, create a  *.conf  file under
#  /etc/ssh/ssh_config.d/  which will be automatically included below
Include {DIR}/redhat.conf
`

const fedoraRedhat = `
Match final all
	# Follow system-wide Crypto Policy, if defined:
	Include {DIR}/crypto.conf

	GSSAPIAuthentication yes

# If this option is set to yes then remote X11 clients will have full access
# to the original X11 display. As virtually no X11 client supports the untrusted
# mode correctly we set this to yes.
	ForwardX11Trusted yes
`

const fedoraCrypto = `Ciphers aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,aes128-gcm@openssh.com,aes128-ctr
MACs hmac-sha2-256-etm@openssh.com,hmac-sha1-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha1,umac-128@openssh.com,hmac-sha2-512
GSSAPIKexAlgorithms gss-curve25519-sha256-,gss-nistp256-sha256-,gss-group14-sha256-,gss-group16-sha512-
KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group14-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512
PubkeyAcceptedAlgorithms ecdsa-sha2-nistp256,ecdsa-sha2-nistp256-cert-v01@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-ed25519,ssh-ed25519-cert-v01@openssh.com,rsa-sha2-256,rsa-sha2-256-cert-v01@openssh.com,rsa-sha2-512,rsa-sha2-512-cert-v01@openssh.com
HostbasedAcceptedAlgorithms ecdsa-sha2-nistp256,ssh-ed25519,rsa-sha2-256,rsa-sha2-512
CASignatureAlgorithms ecdsa-sha2-nistp256,sk-ecdsa-sha2-nistp256@openssh.com,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-ed25519,rsa-sha2-256,rsa-sha2-512
RequiredRSASize 2048
`
