// Package policies has factories that wrap another factory and add a policy to
// its connections: a limit on their number or their speed, a timeout, a log.
//
//	f := policies.NewTimeoutFactory(r, echoFactory, time.Minute)
//	f = policies.NewLimitConnectionsByPeer(f, 10)
//	port, err := r.ListenTCP(7000, f, reactor.ListenOptions{})
//
// For each protocol of the wrapped factory, the wrapping factory makes a
// [Wrapper], which stands between the connection and the protocol. To the
// connection a wrapper is the protocol; to the protocol it is the transport.
// [ProtocolWrapper] passes everything on. To write a policy of your own, embed
// ProtocolWrapper by value, define the methods in which you want to interfere,
// and call the same methods of ProtocolWrapper from them:
//
//	type meter struct {
//		policies.ProtocolWrapper
//		received int
//	}
//
//	func (m *meter) DataReceived(data []byte) {
//		m.received += len(data)
//		m.ProtocolWrapper.DataReceived(data)
//	}
//
//	newMeter := func() policies.Wrapper { return new(meter) }
//	f := policies.NewWrappingFactory(echoFactory, newMeter)
//
// All methods must be called on the goroutine of the reactor.
package policies
