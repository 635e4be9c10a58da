// Command dns-query asks a name server for the addresses of a host, over UDP.
//
//	dns-query -server 192.0.2.53:53 -type AAAA example.org
package main

import (
	"bufio"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
)

var types = map[string]dnsmessage.Type{"A": dnsmessage.TypeA, "AAAA": dnsmessage.TypeAAAA}

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		flags := flag.NewFlagSet("dns-query", flag.ExitOnError)
		server := flags.String("server", "", "the name server, an address with a port (default: that of /etc/resolv.conf)")
		kind := flags.String("type", "A", "the kind of addresses, A or AAAA")
		_ = flags.Parse(args) // exits on errors
		to, err := serverAddress(*server)
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		if types[*kind] == 0 || flags.NArg() != 1 {
			return deferred.Fail[struct{}](fmt.Errorf("dns-query: give the type A or AAAA and one name"))
		}
		return deferred.Then(lookup(r, to, flags.Arg(0), types[*kind]), func(addrs []netip.Addr) (none struct{}, _ error) {
			for _, a := range addrs {
				fmt.Println(a)
			}
			return none, nil
		})
	})
}

// serverAddress returns the address of a server, or of the system's.
func serverAddress(server string) (netip.AddrPort, error) {
	if server != "" {
		return netip.ParseAddrPort(server)
	}
	f, err := os.Open("/etc/resolv.conf")
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("dns-query: which server? use -server: %w", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) > 1 && words[0] == "nameserver" {
			addr, err := netip.ParseAddr(words[1])
			return netip.AddrPortFrom(addr, 53), err
		}
	}
	return netip.AddrPort{}, fmt.Errorf("dns-query: /etc/resolv.conf names no server; use -server")
}
