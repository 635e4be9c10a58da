// Package reactor is the event loop: one goroutine runs every callback.
//
// # The model
//
// A [Reactor] is a queue and a clock. [Reactor.Run] takes the calling goroutine and turns the loop until [Reactor.Stop]. One turn runs the
// functions that were posted up to now, then the delayed calls that are due at one reading of the clock; what those add waits for the next
// turn, so nothing starves the rest.
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
// Callbacks need no locks, because they never run at the same time, and must not block, because everything else waits while one runs: what
// blocks goes to a thread with [DeferToThread], whose answer comes back as a Deferred. Options.Watchdog finds callbacks that forget it.
// A panic in a callback is logged with its stack and the loop goes on.
//
// # Goroutines
//
// Everything belongs to the goroutine of the loop, and before Run to the goroutine that will call it. These, and no other methods, may be
// called from any goroutine:
//
//   - [Reactor.CallFromThread], to run a function on the loop
//   - [Await] and [BlockingCallFromThread], to do so and wait for the result
//   - [Reactor.CallInThread], [Reactor.CallMultipleInThread] and the methods of [ThreadPool]
//   - [Reactor.Stop], [Reactor.Crash], [Reactor.Running], [Reactor.OnLoop], [Reactor.StopSignal], [Reactor.Stats], [Reactor.Context],
//     [Reactor.Hold]
//   - the methods of [NetConn] that are net.Conn's
//
// Several reactors may run side by side, each on a goroutine of its own, as a rule one per core. [DeferToReactor] hands a result from one to
// another.
//
// # Connections
//
// A [Protocol] is one end of a connection: a type that embeds [BaseProtocol] and defines what it wants to know. Its [Transport] writes without
// blocking. A [Factory] makes the protocols of a server.
//
//	type echo struct{ reactor.BaseProtocol }
//
//	func (e *echo) DataReceived(data []byte) { e.Transport().Write(data) }
//
//	f := reactor.ForProtocol(func() reactor.Protocol { return new(echo) })
//	port, err := r.ListenTCP(7000, f, reactor.ListenOptions{})
//
// Behind each connection one goroutine reads, no more than two reads ahead of the loop; a protocol that pauses its transport, or is slow, holds up
// the peer. What is written is sent at the end of the turn, by the loop itself as far as the socket takes it, and by a goroutine as far as it
// does not. Writes are buffered without a bound; who writes much registers a [Producer], which is told to pause.
//
// [Reactor.Attach] makes a protocol of any net.Conn, [NetConn] a net.Conn of a protocol, and [Reactor.Dial] is the layer under everything
// that connects. Package endpoints has what programs use: endpoints with string forms, host names with all their addresses, connections that
// are kept. Package protocols has lines and length-prefixed strings.
//
// # Shutdown
//
// Stop, SIGINT and SIGTERM fire the shutdown event in three phases. Triggers "before shutdown" may answer with Deferreds, and the loop turns
// until they have fired; then every listener and connection is closed; then come the triggers "during" and "after". Last, Run waits for
// the functions in threads and for whoever holds it ([Reactor.Hold]), and returns when no goroutine of the reactor is left.
// Options.ShutdownTimeout bounds the waiting.
//
// # Time
//
// Code with timeouts asks for a [Clock], not for a Reactor: a test gives it the fake clock of package reactortest, which moves when told.
// A Reactor also runs inside a bubble of testing/synctest; give it Options.NoSignals there.
package reactor
