// Package reactortest provides fakes and helpers for tests of programs that use
// package reactor. With the fakes, a test needs neither sockets nor waiting.
//
//   - [Clock] is a [reactor.Clock] whose time the test advances.
//   - [StringTransport] is a transport that collects the written data.
//   - [FakeDatagramTransport] is a UDP port that collects the sent datagrams.
//   - [FakeProcess] is a child process that does what the test says.
//   - [Pair] connects two protocols in memory and delivers data step by step.
//   - [MemoryReactor] is a [reactor.Network] that records calls to connect, to
//     listen and to start processes.
//   - [AccumulatingProtocol] and [LineSendingProtocol] record what happens to
//     them.
//   - [Run] and [Start] run a real reactor for a test.
//   - [CheckGoroutines] finds goroutines left behind, [Log] collects log
//     records, [TLSConfigs] makes certificates.
//
// The fakes belong to one goroutine, usually that of the test. A panic of a
// protocol or of a delayed call reaches the caller, where a real reactor would
// log it.
package reactortest
