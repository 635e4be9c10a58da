// Package reactor implements an event loop: one goroutine that runs all
// callbacks of a program, or of a part of the program. Callbacks never run at
// the same time, and thus need no locks.
//
// Five words are used throughout:
//
//   - The loop is the goroutine that calls [Reactor.Run].
//   - An iteration is one pass of the loop. Each runs the functions posted
//     before, and then the delayed calls that are due.
//   - To post a function is to queue it for the loop, with
//     [Reactor.CallFromThread]. The function runs in the next iteration.
//   - A thread is a goroutine of the [ThreadPool], for code that blocks. The
//     name comes from Twisted. A thread of the operating system is not meant.
//   - A bubble is the isolated environment of package testing/synctest, in
//     which time is fake.
//
// # The loop
//
// A [Reactor] is a queue of posted functions and a clock with delayed calls.
// Run runs the loop on the calling goroutine until [Reactor.Stop] is called.
//
//	r := reactor.New(reactor.Options{})
//	r.CallLater(time.Second, func() {
//		fmt.Println("one second later")
//		_ = r.Stop()
//	})
//	if err := r.Run(); err != nil {
//		log.Fatal(err)
//	}
//
// A function that is posted, or scheduled without a delay, during an iteration
// runs in the next one. So no callback can keep the others from running by
// posting itself again.
//
// A callback must not block, because everything else waits until the callback
// returns. Run code that blocks with [DeferToThread], which returns a Deferred
// for the result. Options.Watchdog logs callbacks that take too long. A panic
// in a callback is logged with its stack, and the loop continues.
//
// # Goroutines
//
// Everything in this package belongs to the loop, and before Run to the
// goroutine that will call Run. Any goroutine may call these, and only these:
//
//   - [Reactor.CallFromThread] to run a function on the loop
//   - [Await] to do the same and wait for the result
//   - [Reactor.CallInThread], [CallInThreadWithCallback] and the methods of
//     [ThreadPool]
//   - [Reactor.Stop], [Reactor.Crash], [Reactor.Running], [Reactor.OnLoop],
//     [Reactor.Now], [Reactor.StopSignal], [Reactor.Stats], [Reactor.Context],
//     [Reactor.Hold], [Reactor.Logger] and [Reactor.ThreadPool]
//   - [BlockingCallFromThread], [Reactor.CallMultipleInThread],
//     [Reactor.SuggestThreadPoolSize] and [Default], for ported code
//   - the methods of [NetConn] that implement net.Conn
//
// With Options.Debug, other methods panic when called on another goroutine
// while the loop runs.
//
// A program may run several reactors, each on a goroutine of its own, usually
// one per core. [DeferToReactor] passes a result from one to another.
//
// # Connections
//
// A [Protocol] handles one end of a connection. To write one, embed
// [BaseProtocol] in a type and define methods for the events of interest. A
// protocol has a [Transport], which writes without blocking. A [Factory] makes
// the protocols of a server.
//
//	type echo struct{ reactor.BaseProtocol }
//
//	func (e *echo) DataReceived(data []byte) { e.Transport().Write(data) }
//
//	f := reactor.ForProtocol(func() reactor.Protocol { return new(echo) })
//	port, err := r.ListenTCP(7000, f, reactor.ListenOptions{})
//
// Each connection has a goroutine that reads, at most two reads ahead of the
// loop. A protocol that is slow, or pauses its transport, thus stops the peer
// from sending more.
//
// Written data is sent at the end of the iteration. The loop writes what fits
// into the socket buffer. A goroutine writes the rest. Unsent data is buffered
// without a bound: a protocol that writes much registers a [Producer], which is
// paused and resumed.
//
// [Reactor.Attach] connects a protocol to any net.Conn, and
// [Reactor.StandardIO] to standard input and output. [NetConn] makes a net.Conn
// of a connection. Package endpoints has what most programs use to
// connect and listen: endpoints with string forms, host names with several
// addresses, and services that reconnect. Package protocols has protocols for
// lines and length-prefixed strings. Package policies limits the number, the
// speed and the idle time of connections. Package service starts and stops the
// parts of a program.
//
// # Datagrams
//
// [Reactor.ListenUDP] opens a UDP port for a [DatagramProtocol]. A port reads a
// bounded number of datagrams ahead of the loop. Beyond it the system drops
// datagrams, which [DatagramStats] counts. Written datagrams are sent at once,
// or dropped.
//
//	type echo struct{ reactor.BaseDatagramProtocol }
//
//	func (e *echo) DatagramReceived(data []byte, from netip.AddrPort) {
//		_ = e.Transport().Write(data, from)
//	}
//
//	port, err := r.ListenUDP(7000, new(echo), reactor.UDPOptions{})
//
// # Processes
//
// [Reactor.SpawnProcess] starts a program as a child process. A
// [ProcessProtocol] handles its output and its end, and a [ProcessTransport]
// writes to it and sends signals. [GetProcessOutput], [GetProcessValue] and
// [GetProcessOutputAndValue] run a program for its result.
//
// # Shutdown
//
// Stop, SIGINT and SIGTERM begin the shutdown, which has these steps:
//
//  1. The "before shutdown" triggers run. If some return Deferreds, the loop
//     continues until these have fired.
//  2. Listeners, connections, UDP ports and the pipes of child processes are
//     closed. Children with KillAfter get SIGTERM.
//  3. The "during shutdown" and then the "after shutdown" triggers run.
//  4. The loop continues until functions in threads have returned and nothing
//     holds the reactor. [Reactor.Hold] is to Run what sync.WaitGroup.Add(1) is
//     to Wait.
//  5. Run returns. No goroutine of the reactor is left.
//
// Options.ShutdownTimeout limits step 1 and step 4, each.
//
// # Time
//
// Code with timeouts takes a [Clock], not a Reactor, so that a test can pass
// the fake clock of package reactortest. A Reactor also runs in a bubble; set
// Options.NoSignals there.
package reactor
