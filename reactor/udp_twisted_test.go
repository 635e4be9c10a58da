package reactor_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/twistedtest"
)

// udpOp is a step of a program. Ports and their protocols have one name. After
// the step, the program waits until protocol At has received Expect datagrams,
// and writes to a closed port until protocol Refused is told.
type udpOp struct {
	Op      string `json:"op"`
	Port    string `json:"port"`
	To      string `json:"to,omitempty"`
	Host    string `json:"host,omitempty"`
	Sizes   []int  `json:"sizes,omitempty"`
	On      bool   `json:"on,omitempty"`
	At      string `json:"at,omitempty"`
	Expect  int    `json:"expect,omitempty"`
	Refused string `json:"refused,omitempty"`
}

// udpGenerator makes random programs that say what to wait for.
type udpGenerator struct {
	rand     *rand.Rand
	ops      []udpOp
	open     map[string]bool   // an IPv6 port has a name with "six"
	peer     map[string]string // of connected ports
	received map[string]int
}

func generateUDP(seed uint64) []udpOp {
	g := &udpGenerator{rand.New(rand.NewPCG(seed, 1)), nil, map[string]bool{}, map[string]string{}, map[string]int{}}
	for _, name := range []string{"a", "b", "c", "six"} {
		g.listen(name)
	}
	for range 30 {
		g.step()
	}
	return g.ops
}

func (g *udpGenerator) listen(name string) {
	host := "127.0.0.1"
	if isSix(name) {
		host = "::1"
	}
	g.ops = append(g.ops, udpOp{Op: "listen", Port: name, Host: host})
	g.open[name] = true
}

func isSix(name string) bool { return name == "six" }

func (g *udpGenerator) pick(open bool) string {
	var names []string
	for name, is := range g.open {
		if is == open {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return names[g.rand.IntN(len(names))]
}

func (g *udpGenerator) step() {
	from, to := g.pick(true), g.pick(true)
	if from == "" {
		g.listen(g.pick(false))
		return
	}
	switch g.rand.IntN(10) {
	case 0: // a port that is taken
		g.ops = append(g.ops, udpOp{Op: "listen", Port: "z", Host: map[bool]string{true: "::1", false: "127.0.0.1"}[isSix(to)], To: to})
	case 1:
		g.ops = append(g.ops, udpOp{Op: "broadcast", Port: from, On: g.rand.IntN(2) == 0})
	case 2:
		if closed := g.pick(false); closed != "" {
			g.listen(closed)
			return
		}
		g.stop(from)
	case 3:
		g.connect(from, to)
	default:
		if isSix(from) != isSix(to) && g.rand.IntN(4) > 0 {
			to = from
		}
		g.write(from, to)
	}
}

func (g *udpGenerator) connect(from, to string) {
	if from == to || isSix(from) != isSix(to) {
		return // Twisted raises the system's error for another family
	}
	g.ops = append(g.ops, udpOp{Op: "connect", Port: from, To: to})
	if g.peer[from] == "" {
		g.peer[from] = to
	}
}

// stop closes a port. If another one is connected to it, that one is refused,
// and then closed, too, because either side may be told of it again at any time.
func (g *udpGenerator) stop(name string) {
	op := udpOp{Op: "stop", Port: name}
	g.open[name] = false
	delete(g.peer, name)
	var refused []string
	for other, peer := range g.peer {
		if peer == name {
			refused = append(refused, other)
		}
	}
	slices.Sort(refused)
	if len(refused) > 0 {
		op.Refused = refused[0]
	}
	g.ops = append(g.ops, op)
	for _, other := range refused {
		g.stop(other)
	}
}

func (g *udpGenerator) write(from, to string) {
	op := udpOp{Op: "write", Port: from, To: to, Sizes: []int{g.size()}}
	if g.rand.IntN(3) == 0 {
		op.Op = "writeSequence"
		op.Sizes = []int{g.size() / 3, 0, g.size() / 3}
	}
	peer := g.peer[from]
	if peer != "" && g.rand.IntN(2) == 0 {
		op.To, to = "", peer // a connected port needs no address
	}
	if peer != "" && g.peer[peer] != "" && g.peer[peer] != from {
		return // the system of a peer that has another peer refuses
	}
	total := 0
	for _, size := range op.Sizes {
		total += size
	}
	arrives := isSix(from) == isSix(to) && total < 65_000 && (peer == "" || peer == to) &&
		(g.peer[to] == "" || g.peer[to] == from) // a connected port hears its peer only
	if arrives && g.open[to] {
		g.received[to]++
		op.At, op.Expect = to, g.received[to]
	}
	g.ops = append(g.ops, op)
}

func (g *udpGenerator) size() int {
	sizes := []int{0, 1, 13, 500, 1400, 8192, 9000, 70_000}
	return sizes[g.rand.IntN(len(sizes))]
}

func contents(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i*7 + size)
	}
	return data
}

// udpRun runs a program on this package.
type udpRun struct {
	n         *netTest
	events    notes
	names     map[netip.AddrPort]string
	protocols map[string]*tracedListener
	ports     map[string]reactor.DatagramTransport
	hosts     map[string]netip.AddrPort
}

type tracedListener struct {
	reactor.BaseDatagramProtocol
	run                *udpRun
	name               string
	received, refusals int
}

func (p *tracedListener) StartProtocol() { p.run.note(p.name, "start") }
func (p *tracedListener) StopProtocol()  { p.run.note(p.name, "stop", p.Transport() == nil) }

func (p *tracedListener) DatagramReceived(data []byte, from netip.AddrPort) {
	p.received++
	p.run.note(p.name, "got", len(data), crc32.ChecksumIEEE(data), "from", p.run.names[from])
	if len(data) == 13 {
		panic(errTest)
	}
}

func (p *tracedListener) ConnectionRefused() {
	if p.refusals++; p.refusals == 1 {
		p.run.note(p.name, "refused")
	}
}

func (u *udpRun) note(what ...any) { u.events.add(strings.TrimSuffix(fmt.Sprintln(what...), "\n")) }

// check notes an error under Twisted's name.
func (u *udpRun) check(err error) {
	switch {
	case err == nil:
	case errors.Is(err, reactor.ErrDatagramConnected):
		u.note("connected already")
	default:
		u.note(strings.TrimPrefix(fmt.Sprintf("%T", err), "*reactor."))
	}
}

func (u *udpRun) step(op udpOp) deferred.Deferred[none] {
	port, to := u.ports[op.Port], u.hosts[op.To]
	switch op.Op {
	case "listen":
		u.listen(op.Port, int(to.Port()), op.Host)
	case "write":
		u.check(port.Write(contents(op.Sizes[0]), to))
	case "writeSequence":
		var pieces [][]byte
		for _, size := range op.Sizes {
			pieces = append(pieces, contents(size))
		}
		u.check(port.WriteSequence(pieces, to))
	case "connect":
		u.check(port.Connect(to))
	case "broadcast":
		u.check(port.SetBroadcastAllowed(op.On))
		u.note(op.Port, "broadcast", port.GetBroadcastAllowed())
	case "stop":
		d := port.StopListening()
		u.note(op.Port, "stopping")
		return d.OnValue(func(none) { u.note(op.Port, "stopped with nil") })
	}
	return deferred.Succeed(none{})
}

func (u *udpRun) listen(name string, number int, host string) {
	p := u.protocols[name]
	if p == nil {
		p = &tracedListener{run: u, name: name}
		u.protocols[name] = p
	}
	port, err := u.n.r.ListenUDP(number, p, reactor.UDPOptions{Interface: host})
	if u.check(err); err == nil {
		u.ports[name] = port
		u.hosts[name] = hostOf(port)
		u.names[hostOf(port)] = name
		u.note(name, "listens on", hostOf(port).Addr())
	}
}

func traceUDP(t *testing.T, program []udpOp) []string {
	n := startNet(t)
	u := &udpRun{n, nil, map[netip.AddrPort]string{}, map[string]*tracedListener{}, map[string]reactor.DatagramTransport{}, map[string]netip.AddrPort{}}
	for _, op := range program {
		_, err := reactor.Await(t.Context(), n.r, func() deferred.Deferred[none] { return u.step(op) })
		wantErr(t, err, nil)
		if op.At != "" {
			n.waitFor(fmt.Sprint(op), func() bool { return u.protocols[op.At].received >= op.Expect })
		}
		if op.Refused != "" {
			n.waitFor(fmt.Sprint(op), func() bool {
				_ = u.ports[op.Refused].Write([]byte("x"), netip.AddrPort{})
				return u.protocols[op.Refused].refusals > 0
			})
		}
	}
	for _, name := range []string{"a", "b", "c", "six"} {
		wantErr(t, n.stopUDP(u.ports[name]), nil)
	}
	n.do(func() { u.note("logged", len(n.log.Take("panic in DatagramReceived"))) })
	return u.events
}

// TestR338_R344_R345_UDPAgainstTwisted runs random programs on this package and
// on Twisted and compares the datagrams and the events.
func TestR338_R344_R345_UDPAgainstTwisted(t *testing.T) {
	programs := make([][]udpOp, 20)
	if os.Getenv("HAWSER_LONG") != "" {
		programs = make([][]udpOp, 100)
	}
	for i := range programs {
		programs[i] = generateUDP(uint64(i))
	}
	want := twistedtest.Traces(t, "udp", programs[:])
	for i, program := range programs {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			if got := traceUDP(t, program); i < len(want) && !slices.Equal(got, want[i]) {
				text, _ := json.Marshal(program)
				t.Errorf("program %s\nhere:    %s\nTwisted: %s", text, strings.Join(got, "; "), strings.Join(want[i], "; "))
			}
		})
	}
}
