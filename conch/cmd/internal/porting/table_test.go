package porting_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cmd/internal/porting"
	"github.com/hawser-go/hawser/docs"
)

func newTable(t testing.TB) *porting.Table {
	t.Helper()
	table, err := porting.NewTable(docs.FromTwisted)
	if err != nil {
		t.Fatalf("%v\nMend the rows, or package porting if they are right.", err)
	}
	return table
}

// TestPage: each row of docs/from-twisted.md can be parsed. The names of the
// rows are in the table.
func TestPage(t *testing.T) {
	table := newTable(t)
	if n := table.Len(); n < 1500 {
		t.Errorf("the tables have %d names only", n)
	}
	lines := strings.Split(docs.FromTwisted, "\n")
	simple := regexp.MustCompile("^\\| `([A-Za-z_]\\w*)` \\| `([A-Z]\\w*)` \\| \\|$")
	rows := 0
	for i, line := range lines {
		m := simple.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		rows++
		entries := table.At(i + 1)
		if len(entries) != 1 || entries[0].Go != m[2] || entries[0].Status != porting.Same {
			t.Errorf("line %d, %s: got %+v", i+1, line, entries)
		}
	}
	if rows < 20 {
		t.Errorf("%d simple rows", rows)
	}
}

func TestFind(t *testing.T) {
	table := newTable(t)
	for _, test := range []struct {
		name, known string
		status      porting.Status
		goName      string // the begin of it
	}{
		{"twisted.internet.defer.Deferred", "", porting.Differs, "New[T](canceller…)"},
		{"twisted.internet.defer.Deferred.addCallbacks", "", porting.Differs, "AddCallbacks, ThenCallbacks"},
		{"twisted.internet.defer.Deferred.cancel", "", porting.Same, "Cancel"},
		{"twisted.internet.defer.Deferred.cancel.__doc__", "twisted.internet.defer.Deferred.cancel", porting.Same, "Cancel"},
		{"twisted.internet.defer.inlineCallbacks", "", porting.Differs, "Inline, InlineIn"},
		{"twisted.internet.defer.returnValue", "", porting.Same, "return"},
		{"twisted.internet.defer.ensureDeferred", "", porting.None, ""},
		{"twisted.internet.defer.DeferredLock", "", porting.Differs, "Lock"},
		{"twisted.python.failure.Failure", "", porting.Same, "the error"},
		{"twisted.python.failure.Failure.check", "", porting.Same, "errors.Is"},
		{"twisted.python.failure.startDebugMode", "", porting.None, ""},
		{"twisted.internet.reactor", "", porting.Differs, "reactor.Default()"},
		{"twisted.internet.reactor.callLater", "", porting.Differs, "CallLater"},
		{"twisted.internet.reactor.run", "", porting.Differs, "Run, RunContext"},
		{"twisted.internet.reactor.listenTCP", "", porting.Differs, "ListenTCP"},
		{"twisted.internet.reactor.listenSSL", "", porting.Differs, "ListenTLS"},
		{"twisted.internet.reactor.whatever", "", porting.Unknown, ""},
		{"twisted.internet.asyncioreactor.install", "twisted.internet.asyncioreactor.install", porting.Unknown, ""},
		{"twisted.internet.threads.deferToThread", "", porting.Differs, "DeferToThread"},
		{"twisted.internet.task.LoopingCall", "", porting.Differs, "task.NewLoopingCall"},
		{"twisted.internet.task.react", "", porting.Differs, "task.React, Main"},
		{"twisted.internet.protocol.Protocol", "", porting.Differs, "embed reactor.BaseProtocol by value"},
		{"twisted.internet.protocol.Protocol.dataReceived", "", porting.Differs, "DataReceived"},
		{"twisted.internet.protocol.ReconnectingClientFactory", "", porting.Differs, "endpoints.ClientService"},
		{"twisted.internet.protocol.ProcessProtocol", "", porting.Differs, "embed reactor.BaseProcessProtocol by value"},
		{"twisted.internet.error.ConnectionDone", "", porting.Differs, "ErrConnectionDone"},
		{"twisted.internet.ssl.CertificateOptions", "", porting.Differs, "*tls.Config"},
		{"twisted.protocols.basic.LineReceiver", "", porting.Differs, "LineReceiver"},
		{"twisted.protocols.basic.LineReceiver.sendLine", "", porting.Same, "SendLine"},
		{"twisted.protocols.policies.TimeoutMixin", "", porting.Differs, "TimeoutMixin"},
		{"twisted.application.service.Application", "", porting.Differs, "service.Run, Main"},
		{"twisted.application.internet.TCPServer", "", porting.None, ""},
		{"twisted.python.log.msg", "", porting.Same, "slog.Info"},
		{"twisted.logger.Logger", "", porting.Same, "slog.Default()"},
		{"twisted.python.log.startLogging", "", porting.Differs, "slog.SetDefault"},
		{"twisted.trial.unittest.TestCase", "", porting.Elsewhere, "package testing"},
		{"twisted.conch.ssh.channel.SSHChannel", "", porting.Differs, "Channel (interface), SSHChannel (base)"},
		{"twisted.conch.ssh.channel.SSHChannel.request_pty", "", porting.Differs, "HandleRequest"},
		{"twisted.conch.ssh.keys.Key.fromFile", "", porting.Differs, "FromFile"},
		{"twisted.conch.ssh.keys.Key.fromString", "", porting.Differs, "FromString"},
		{"twisted.conch.ssh.keys.Key.blob", "", porting.Same, "Blob"},
		{"twisted.conch.ssh.keys.BadFingerPrintFormat", "", porting.Differs, "*BadKeyError"},
		{"twisted.conch.ssh.keys.PassphraseNormalizationError", "", porting.None, ""},
		{"twisted.conch.ssh.common.NS", "", porting.Same, "conch.NS"},
		{"twisted.conch.ssh.filetransfer.FXF_READ", "", porting.Differs, "FXFRead"},
		{"twisted.conch.ssh.filetransfer.FXP_OPEN", "", porting.None, ""},
		{"twisted.conch.client.default.verifyHostKey", "", porting.Differs, "VerifyHostKey"},
		{"twisted.conch.client.default.SSHUserAuthClient", "", porting.Differs, "DefaultAuthClient"},
		{"twisted.conch.ssh.userauth.SSHUserAuthClient", "", porting.Differs, "UserAuthClient (interface)"},
		{"twisted.conch.ssh.transport.SSHServerTransport", "", porting.Same, "server.SSHServerTransport"},
		{"twisted.conch.ssh.transport.messages", "", porting.None, ""},
		{"twisted.conch.interfaces.ISession", "", porting.Differs, "Session (interface), BaseSession (base)"},
		{"twisted.conch.interfaces.ISFTPServer", "", porting.Differs, ""},
		{"twisted.conch.checkers.SSHPublicKeyDatabase", "", porting.None, ""},
		{"twisted.cred.portal.Portal", "", porting.Differs, "Portal"},
		{"twisted.cred.credentials.UsernamePassword", "", porting.Differs, "UsernamePassword"},
		{"twisted.conch.telnet.ECHO", "", porting.Differs, "ECHO"},
		{"twisted.conch.telnet.LINEMODE_SLC_IP", "", porting.Same, "SLCSynch to SLCEEOL"},
		{"twisted.conch.insults.insults.TerminalProtocol", "", porting.Differs, "Protocol (interface), TerminalProtocol (base)"},
		{"twisted.conch.insults.insults.ServerProtocol.F7", "twisted.conch.insults.insults.ServerProtocol", porting.Differs, "NewServerProtocol"},
		{"twisted.conch.recvline.HistoricRecvLine.sendLine", "twisted.conch.recvline.HistoricRecvLine", porting.Differs, "HistoricRecvLine"},
		{"twisted.web.server.Site", "", porting.Elsewhere, "package net/http"},
		{"twisted.web.server.Site.x", "twisted.web.server.Site", porting.Elsewhere, "package net/http"},
		{"twisted.internet.nonsense.Nothing", "twisted.internet.nonsense", porting.Unknown, ""},
		{"twisted.words.protocols.irc.IRCClient", "", porting.None, ""},
		{"twisted.version.major", "twisted.version", porting.Elsewhere, "package runtime/debug"},
		{"twisted.python.filepath.FilePath.child", "", porting.Differs, "os, path/filepath"},
		{"twisted.conch.endpoints.SSHCommandClientEndpoint", "", porting.Differs, "see its members, such as newConnection: NewConnection(r, command, target)"},
		{"twisted.conch.endpoints.SSHCommandClientEndpoint.newConnection", "", porting.Differs, "NewConnection(r, command, target)"},
		{"twisted.cred.checkers.IUsernamePassword", "", porting.Differs, "UsernamePassword"},
		{"twisted.internet.defer.succeed", "", porting.Same, "Succeed"},
		{"twisted.internet.defer.fail", "", porting.Differs, "Fail"},
		{"twisted.internet.interfaces.IDelayedCall", "", porting.Same, "*DelayedCall"},
		{"twisted.conch.ssh.connection.MSG_CHANNEL_OPEN", "", porting.None, ""},
		{"twisted.internet.testing.StringTransport", "", porting.Same, "NewStringTransport"},
		{"twisted.test.proto_helpers.StringTransport", "", porting.Same, "NewStringTransport"},
	} {
		known, e := table.Find(test.name)
		if test.known == "" {
			test.known = test.name
		}
		status, goName := porting.Unknown, ""
		if e != nil {
			status, goName = e.Status, e.Go
		}
		if known != test.known || status != test.status || !strings.HasPrefix(goName, test.goName) || (goName == "") == (status.HasGoName() || status == porting.Elsewhere) {
			t.Errorf("%s: got %q, %q, %q, want %q, %q, %q", test.name, known, status, goName, test.known, test.status, test.goName)
		}
	}
}

// TestRowsStandAlone: what a row says of a name can be read without the rows
// before it.
func TestRowsStandAlone(t *testing.T) {
	for _, e := range newTable(t).All() {
		if strings.HasPrefix(e.Go, "the same") || e.Difference == "the same" {
			t.Errorf("line %d of docs/from-twisted.md, %s: %q, %q", e.Line, e.Name(), e.Go, e.Difference)
		}
	}
}

// TestPackage: the package is that of the Go name, which may not be that of the
// table.
func TestPackage(t *testing.T) {
	table := newTable(t)
	for name, want := range map[string]string{
		"twisted.internet.defer.Deferred":              "deferred New[T](canceller…)",
		"twisted.application.service.Application":      "service service.Run, Main",
		"twisted.application.service.MultiService":     "service service.MultiService",
		"twisted.application.internet.ClientService":   "endpoints ClientService",
		"twisted.internet.ssl.optionsForClientTLS":     "tls *tls.Config of crypto/tls",
		"twisted.internet.task.react":                  "task task.React, Main",
		"twisted.internet.address.IPv6Address":         "reactor IPAddress",
		"twisted.internet.interfaces.IPullProducer":    "reactor Producer",
		"twisted.logger.LogLevel.info":                 "slog slog.LevelInfo",
		"twisted.application.service.Service.parent":   "service Parent",
		"twisted.internet.protocol.Factory":            "reactor embed reactor.BaseFactory by value",
		"twisted.conch.interfaces.ISFTPServer":         "filetransfer filetransfer.SFTPServer",
		"twisted.internet.utils.getProcessOutput":      "reactor GetProcessOutput",
		"twisted.application.internet.backoffPolicy":   "endpoints BackoffPolicy(Backoff{…})",
		"twisted.internet.process.Process":             " ",
		"twisted.conch.ssh.transport.SSHTransportBase": "conch SSHTransport",
	} {
		_, e := table.Find(name)
		if e == nil {
			t.Errorf("%s: no entry", name)
		} else if got := e.Package + " " + e.Go; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestMember(t *testing.T) {
	table := newTable(t)
	for _, test := range []struct{ class, member, of, goName string }{
		{"twisted.conch.ssh.channel.SSHChannel", "dataReceived", "SSHChannel", "DataReceived"},
		{"twisted.conch.ssh.channel.SSHChannel", "name", "SSHChannel", "method Name"},
		{"twisted.conch.ssh.channel.SSHChannel", "nonsense", "", ""},
		{"twisted.conch.ssh.session.SSHSession", "request_shell", "SSHSession", "RequestReceived"},
		{"twisted.conch.ssh.transport.SSHClientTransport", "verifyHostKey", "SSHClientTransport", "a client.HostKeyVerifier"},
		{"twisted.conch.ssh.transport.SSHClientTransport", "connectionSecure", "SSHClientTransport", "the last argument of client.Connect"},
		{"twisted.conch.client.default.SSHUserAuthClient", "getPassword", "SSHUserAuthClient", "GetPassword"},
		{"twisted.conch.ssh.connection.SSHConnection", "serviceStarted", "SSHConnection", "ServiceStarted"},
		{"twisted.conch.avatar.ConchUser", "lookupChannel", "ConchUser", "LookupChannel"},
		{"twisted.conch.interfaces.ISession", "execCommand", "ISession", "ExecCommand"},
		{"twisted.conch.interfaces.ISFTPServer", "openFile", "ISFTPServer", "OpenFile"},
		{"twisted.conch.interfaces.ISFTPFile", "readChunk", "ISFTPFile", "SFTPFile.ReadChunk(offset, p)"},
		{"twisted.conch.interfaces.ISFTPFile", "writeChunk", "ISFTPFile", "WriteChunk"},
		{"twisted.conch.unix.SSHSessionForUnixConchUser", "_log", "", ""},
		{"twisted.internet.protocol.Protocol", "loseConnection", "Protocol", "LoseConnection"},
		{"twisted.application.service.MultiService", "startService", "Service", "StartService"},
		{"twisted.application.service.MultiService", "addService", "MultiService", "AddService"},
		{"twisted.internet.protocol.Factory", "buildProtocol", "Factory", "BuildProtocol"},
		{"twisted.internet.protocol.ReconnectingClientFactory", "maxDelay", "ReconnectingClientFactory", "Max"},
		{"twisted.internet.protocol.ReconnectingClientFactory", "buildProtocol", "ReconnectingClientFactory", "BuildProtocol"},
		{"twisted.protocols.basic.LineReceiver", "lineReceived", "LineReceiver", "LineReceived"},
		{"twisted.conch.telnet.StatefulTelnetProtocol", "lineReceived", "LineReceiver", "LineReceived"},
		{"twisted.conch.recvline.HistoricRecvLine", "lineReceived", "HistoricRecvLine", "LineReceived"},
		{"twisted.protocols.policies.TimeoutMixin", "setTimeout", "TimeoutMixin", "SetTimeout"},
		{"twisted.protocols.policies.TimeoutProtocol", "setTimeout", "TimeoutProtocol", "SetTimeout"},
		{"twisted.internet.protocol.ClientFactory", "clientConnectionLost", "ClientFactory", "ClientConnectionLost"},
		{"twisted.internet.protocol.ReconnectingClientFactory", "clientConnectionLost", "ReconnectingClientFactory", "ConnectionLost"},
		{"twisted.internet.protocol.ReconnectingClientFactory", "startedConnecting", "ReconnectingClientFactory", "StartedConnecting"},
		{"twisted.internet.interfaces.IPullProducer", "stopProducing", "IPullProducer", "StopProducing"},
		{"twisted.internet.interfaces.IConsumer", "write", "IConsumer", "Write"},
		{"twisted.internet.interfaces.IHalfCloseableProtocol", "readConnectionLost", "IHalfCloseableProtocol", "ReadConnectionLost"},
		{"twisted.internet.interfaces.IReactorCore", "callWhenRunning", "IReactorCore", "CallWhenRunning"},
		{"twisted.internet.interfaces.IReactorCore", "lineReceived", "", ""},
		{"twisted.conch.telnet.ITelnetProtocol", "dataReceived", "IProtocol", "DataReceived"},
		{"twisted.web.iweb.IBodyProducer", "pauseProducing", "IPushProducer", "PauseProducing"},
		{"twisted.words.protocols.irc.IRCClient", "connectionMade", "Protocol", "ConnectionMade"},
		{"twisted.conch.ssh.forwarding.SSHConnectForwardingChannel", "conn", "SSHChannel", "Conn()"},
		{"twisted.conch.ssh.userauth.SSHUserAuthServer", "transport", "SSHUserAuthServer", "Transport()"},
		{"twisted.conch.insults.insults.ServerProtocol", "transport", "Protocol", "Transport()"},
		{"twisted.internet.protocol.Protocol", "protocol", "", ""},
		{"twisted.internet.interfaces.IStreamServerEndpoint", "endpoint", "", ""},
		{"twisted.application.service.MultiService", "prefix", "", ""},
		{"twisted.application.service.MultiService", "privilegedStartService", "MultiService", "service.PrivilegedStarter"},
		{"twisted.conch.ssh.transport.SSHServerTransport", "currentEncryptions", "SSHServerTransport", ""},
		{"twisted.protocols.policies.TimeoutMixin", "lineReceived", "", ""},
		{"twisted.protocols.basic.LineOnlyReceiver", "delimiter", "LineOnlyReceiver", "Delimiter"},
		{"twisted.trial.unittest.TestCase", "successResultOf", "SynchronousTestCase", "SuccessResultOf"},
		{"twisted.python.usage.Options", "opt_version", "Options", "package flag"},
		{"twisted.test.proto_helpers.StringTransport", "clear", "StringTransport", "Clear"},
		{"twisted.protocols.basic.LineReceiver", "nonsense", "", ""},
		{"twisted.protocols.basic.LineReceiver", "connectionLost", "Protocol", "ConnectionLost"},
		{"twisted.conch.recvline.HistoricRecvLine", "keystrokeReceived", "HistoricRecvLine", "KeystrokeReceived"},
		{"twisted.conch.recvline.HistoricRecvLine", "connectionLost", "TerminalProtocol", "ConnectionLost"},
		{"twisted.conch.telnet.StatefulTelnetProtocol", "enableLocal", "StatefulTelnetProtocol", "EnableLocal"},
		{"twisted.conch.manhole.ColoredManhole", "lineBuffer", "HistoricRecvLine", "LineBuffer()"},
		{"twisted.conch.manhole_ssh.ConchFactory", "privateKeys", "SSHFactory", "PrivateKeys"},
		{"twisted.internet.defer.Deferred", "callback", "Deferred", "Callback"},
	} {
		of, e := table.Member(table.Ancestors(test.class), test.member)
		goName := ""
		if e != nil {
			goName = e.Go
		}
		if of != "" {
			of = of[strings.LastIndexByte(of, '.')+1:]
		}
		if of != test.of || !strings.HasPrefix(goName, test.goName) {
			t.Errorf("%s.%s: got %s, %q, want %s, %q", test.class, test.member, of, goName, test.of, test.goName)
		}
	}
}

func TestAttribute(t *testing.T) {
	table := newTable(t)
	for _, test := range []struct{ receiver, name, modules, goName string }{
		{"", "addCallback", "twisted.internet.defer", "AddCallback"},
		{"", "addErrback", "twisted.python.log", "AddErrback"},
		{"d", "callback", "twisted.internet.defer", "Callback"},
		{"x", "callback", "twisted.internet.defer", ""},
		{"finishedDeferred", "cancel", "twisted.internet.defer", "Cancel"},
		{"transport", "write", "twisted.internet.protocol", "Write"},
		{"transport", "loseConnection", "twisted.internet.protocol", "LoseConnection"},
		{"x", "write", "twisted.internet.protocol", ""},
		{"conn", "sendRequest", "twisted.conch.ssh.connection", "SendRequest"},
		{"reactor", "run", "twisted.internet.defer", "Run"},
		{"", "callLater", "twisted.internet.defer", "CallLater"},
		{"", "sendGlobalRequest", "twisted.web.server", ""},
		{"", "SSHChannel", "twisted.conch.ssh.channel", ""},
		{"", "packet_buffer", "twisted.conch.ssh.filetransfer", ""},
	} {
		e := table.Attribute(test.receiver, test.name, map[string]bool{test.modules: true})
		goName := ""
		if e != nil {
			goName = e.Go
		}
		if !strings.HasPrefix(goName, test.goName) || (goName == "") != (test.goName == "") {
			t.Errorf("%s.%s: got %q, want %q", test.receiver, test.name, goName, test.goName)
		}
	}
}

func TestStrictPages(t *testing.T) {
	const begin = "## conch\n\n### `conch.x`\n\n| Conch | package `x` | difference |\n|---|---|---|\n"
	for page, want := range map[string]string{
		begin + "| `a` | `A` |\n":                                         "line 7 of docs/from-twisted.md: the row has 2 cells",
		begin + "| `a` | `A | |\n":                                        "line 7 of docs/from-twisted.md: a backquote is not closed",
		begin + "| `a` | `A` | x\n":                                       "line 7 of docs/from-twisted.md: the row does not end with a bar",
		begin + "| | `A` | |\n":                                           "line 7 of docs/from-twisted.md: a cell is empty",
		begin + "| `a` | | |\n":                                           "line 7 of docs/from-twisted.md: a cell is empty",
		"## conch\n\n### More\n\n| Conch | Go |\n|---|---|\n":             `line 5 of docs/from-twisted.md: the heading "More" names no module`,
		"## conch\n\n### `conch.x`\n\n| Things | Go |\n|---|---|\n":       `line 5 of docs/from-twisted.md: the first header "Things" is not known`,
		"## conch\n\n### `conch.x`\n\n| `a` |\n|---|\n":                   "line 5 of docs/from-twisted.md: the table has one column",
		begin + "| `a`, `b`, `c` | words … | |\n":                         "",
		begin + "| `a`, `b_c` | `A`, `BC` | |\n| `d` | `D` | a \\| b |\n": "",
	} {
		_, err := porting.NewTable(page)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", page[len(page)-20:], err, want)
		}
	}
}

func TestRows(t *testing.T) {
	const begin = "## conch\n\n### `conch.ssh.common`\n\n| Conch | package `x` | difference |\n|---|---|---|\n"
	for row, want := range map[string][]string{
		"| `a`, `b_c` | `A`, `BC` | |":                       {"a A same", "b_c BC same"},
		"| `a`; `b` | `A`; no equivalent | why |":            {"a A differs", "b  none"},
		"| `a`, `b`; `c` | no equivalent; not there yet | |": {"a  none", "b  none", "c  not yet"},
		"| `a`, `b` | the same names | |":                    {"a A same", "b B same"},
		"| `a`, `b` | `X` | |":                               {"a X same", "b X same"},
		"| `a` | `X` of the other | |":                       {"a X of the other differs"},
		"| `a(b, c=1)` and its relatives | `A` | |":          {"a A same"},
		"| `a`, `b`, `c_d` | `A` … | |":                      {"a A same", "b B same", "c_d A … same"},
		"| a word, and `a` | `A` | |":                        nil,
		"| `a` | not needed: because | |":                    {"a  none"},
		"| `a['b']`, `c = 1`, `--d`, `e={}` | `A` | |":       {"a A same", "c A same"},
		"| `G0` … `G3` | `G0` … `G3` | |":                    {"G0 G0 same", "G1 G1 same", "G2 G2 same", "G3 G3 same"},
	} {
		table, err := porting.NewTable(begin + row + "\n")
		if err != nil {
			t.Error(err)
		}
		var got []string
		for _, e := range table.At(7) {
			got = append(got, e.Name()+" "+e.Go+" "+string(e.Status))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", row, got, want)
		}
	}
}

// TestPlainText: what only the page explains is not printed.
func TestPlainText(t *testing.T) {
	const begin = "## conch\n\n### `conch.ssh.common`\n\n| Conch | package `x` | difference |\n|---|---|---|\n"
	for cell, want := range map[string]string{
		"see [Logging](#logging)":                            "see Logging",
		"one `thing` (D98), another (T-TELNET-5 to 7) (why)": "one thing, another (why)",
		"R is (C-SFTP-2) a letter (DSA)":                     "R is a letter (DSA)",
	} {
		table, err := porting.NewTable(begin + "| `a` | `A` | " + cell + " |\n")
		if err != nil {
			t.Error(err)
		}
		if got := table.At(7)[0].Difference; got != want {
			t.Errorf("%s: got %q, want %q", cell, got, want)
		}
	}
}

// TestConcerning: a clause about another name of the row does not count.
func TestConcerning(t *testing.T) {
	const page = "## conch\n\n### `conch.ssh.common`\n\n| Conch | package `x` | difference |\n|---|---|---|\n" +
		"| `a_b`, `c` | `AB`, `C` | all; `C` panics; `c` and `a_b` differ; see `D` |\n"
	table, err := porting.NewTable(page)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"all; c and a_b differ; see D", "all; C panics; c and a_b differ; see D"} {
		if got := table.At(7)[i].Difference; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func FuzzNewTable(f *testing.F) {
	for _, row := range []string{"| `a(b)`, `c_*` … `d` | `A`; no equivalent | `x` |", "| its `a`, `b.c` of a `D` | the same names | |", "| module | Go |",
		"| `twisted.x` | package `y` |", "|", "| `a` |"} {
		f.Add(row, row)
	}
	f.Fuzz(func(t *testing.T, header, row string) {
		table, _ := porting.NewTable("## conch\n\n### `conch.x`\n\n" + header + "\n|---|---|\n" + row + "\n| Conch | Go | x |\n\n| Conch | Go | x |\n|-|-|-|\n" + row)
		table.Find("twisted.conch.x.a")
		table.Member([]string{"twisted.conch.x.D"}, "a")
		table.Attribute("", "c_d", map[string]bool{"twisted.conch.x": true})
	})
}
