// Package reactortest has what tests of reactor programs need, so that they wait for nothing and open no sockets:
//
//   - [Clock], time that moves when told, a reactor.Clock
//   - [StringTransport], a transport that collects what is written
//   - [Pair], two protocols connected in memory, flushed step by step
//   - [MemoryReactor], a reactor.Network that records who connects and who listens
//   - [AccumulatingProtocol] and [LineSendingProtocol], protocols that note what happens
//   - [Run] and [Start], a real reactor for the length of a test; [CheckGoroutines]; [Log]; [TLSConfigs]
package reactortest
