package sshconfig

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// honoured lists the keywords that become options of a Target, or that decide
// which lines count.
var honoured = strings.Fields(`
	addressfamily batchmode bindaddress canonicaldomains canonicalizefallbacklocal canonicalizehostname
	canonicalizemaxdots canonicalizepermittedcnames certificatefile ciphers connectionattempts connecttimeout
	forwardagent globalknownhostsfile hashknownhosts host hostkeyalgorithms hostkeyalias hostname identitiesonly identityagent
	identityfile ignoreunknown kbdinteractiveauthentication kexalgorithms macs numberofpasswordprompts
	passwordauthentication port preferredauthentications proxycommand proxyjump pubkeyacceptedalgorithms
	pubkeyauthentication refuseconnection requiredrsasize serveralivecountmax serveraliveinterval
	stricthostkeychecking tag tcpkeepalive user userknownhostsfile`)

// ignored lists the keywords that do not affect a Target, by reason.
var ignored = map[string][]string{
	// scp and sftp switch these off, too. Programs can use Config.Get.
	"sessions and forwardings belong to the program": strings.Fields(`
		clearallforwardings dynamicforward enableescapecommandline escapechar exitonforwardfailure
		forkafterauthentication forwardx11 forwardx11timeout forwardx11trusted gatewayports localcommand localforward
		permitlocalcommand permitremoteopen remotecommand remoteforward requesttty sendenv sessiontype setenv stdinnull
		streamlocalbindmask streamlocalbindunlink tunnel tunneldevice xauthlocation`),
	"each Target has its own connection": {"controlmaster", "controlpath", "controlpersist"},
	"about messages only": {"fingerprinthash", "loglevel", "logverbose", "syslogfacility", "versionaddendum",
		"visualhostkey", "warnweakcrypto"},
	"the client does not have the method and tries others": {"enablesshkeysign", "gssapiauthentication",
		"gssapiclientidentity", "gssapidelegatecredentials", "gssapikexalgorithms", "gssapikeyexchange",
		"gssapirenewalforcesrekey", "gssapiserveridentity", "gssapitrustdns", "hostbasedacceptedalgorithms",
		"hostbasedauthentication", "kbdinteractivedevices", "securitykeyprovider"},
	"about speed and traffic only":                                             {"compression", "ipqos", "obscurekeystroketiming"},
	"the client does not add keys to the agent":                                {"addkeystoagent"},
	"the client does not save keys that a server announces":                    {"updatehostkeys"},
	"package knownhosts accepts the authorities in known_hosts, without SHA-1": {"casignaturealgorithms"},
	"ssh ignores the keyword": strings.Fields(`
		afstokenpassing cipher compressionlevel fallbacktorsh globalknownhostsfile2 kerberosauthentication
		kerberostgtpassing protocol rhostsauthentication rhostsrsaauthentication rsaauthentication userknownhostsfile2
		useprivilegedport useroaming usersh`),
	"known on macOS only": {"applemultipath", "usekeychain"},
}

// refused lists the keywords that would change the client's behaviour and are
// not supported, with the values that change nothing.
var refused = map[string][]string{
	"bindinterface":                    nil,
	"channeltimeout":                   {"none"},
	"checkhostip":                      {"no"},
	"knownhostscommand":                {"none"},
	"nohostauthenticationforlocalhost": {"no"},
	"pkcs11provider":                   {"none"},
	"proxyusefdpass":                   {"no"},
	"rekeylimit":                       {"default", "default none"},
	"revokedhostkeys":                  {"none"},
	"verifyhostkeydns":                 {"no"},
}

// checkSupport returns an error for the first keyword, by name, that is set and
// neither honoured nor ignored.
func (s *settings) checkSupport() error {
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		set := s.values[name].values
		harmless := slices.Contains(refused[name], strings.ToLower(strings.Join(set, " ")))
		if len(set) == 0 || harmless || slices.Contains(honoured, name) || isIgnored(name) {
			continue
		}
		advice := "remove it"
		if len(refused[name]) > 0 {
			advice = fmt.Sprintf("remove it or set it to %q", refused[name][0])
		}
		return s.errorf(name, "not supported; %s", advice)
	}
	return nil
}

func isIgnored(name string) bool {
	for _, names := range ignored {
		if slices.Contains(names, name) {
			return true
		}
	}
	return false
}
