package reactor_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// Each benchmark of the loop has a counterpart: the code that a Go program
// would use without a reactor. One run thus shows the ratio:
//
//	go test -run '^$' -bench . -count 5 ./reactor

// startBench starts a reactor that runs until the benchmark ends.
func startBench(b *testing.B) *reactor.Reactor {
	r := reactor.New(reactor.Options{NoSignals: true})
	ended := make(chan error)
	go func() { ended <- r.Run() }() // ends with the benchmark
	b.Cleanup(func() {
		_ = r.Stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	started := make(chan none)
	r.CallFromThread(func() { close(started) })
	<-started
	return r
}

// produce calls post b.N times on n goroutines, and waits for done.
func produce(b *testing.B, n int, post func(), done <-chan none) {
	b.ReportAllocs()
	b.ResetTimer()
	for i := range n {
		share := b.N / n
		if i == 0 {
			share += b.N % n
		}
		go func() { // ends with its share
			for range share {
				post()
			}
		}()
	}
	<-done
}

func BenchmarkPost(b *testing.B) {
	for _, producers := range []int{1, 8} {
		b.Run(fmt.Sprintf("CallFromThread/producers=%d", producers), func(b *testing.B) {
			r := startBench(b)
			count, done := 0, make(chan none)
			f := func() {
				if count++; count == b.N {
					close(done)
				}
			}
			produce(b, producers, func() { r.CallFromThread(f) }, done)
		})
		b.Run(fmt.Sprintf("chan/producers=%d", producers), func(b *testing.B) {
			calls := make(chan func(), 1024)
			defer close(calls)
			go func() { // ends with the channel
				for f := range calls {
					f()
				}
			}()
			count, done := 0, make(chan none)
			f := func() {
				if count++; count == b.N {
					close(done)
				}
			}
			produce(b, producers, func() { calls <- f }, done)
		})
	}
}

// roundTrips calls there b.N times and reports percentiles of the time it
// takes.
func roundTrips(b *testing.B, there func()) {
	times := make([]time.Duration, 0, b.N)
	for b.Loop() {
		began := time.Now()
		there()
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2]), "p50-ns")
	b.ReportMetric(float64(times[len(times)*99/100]), "p99-ns")
}

func BenchmarkRoundTrip(b *testing.B) {
	for _, timers := range []int{0, 1} {
		b.Run(fmt.Sprintf("CallFromThread/timers=%d", timers), func(b *testing.B) {
			r := startBench(b)
			back := make(chan none, 1)
			if timers > 0 {
				r.CallFromThread(func() { r.CallLater(time.Hour, func() {}) })
			}
			f := func() { back <- none{} }
			roundTrips(b, func() {
				r.CallFromThread(f)
				<-back
			})
		})
	}
	b.Run("chan", func(b *testing.B) {
		calls, back := make(chan func(), 1), make(chan none, 1)
		defer close(calls)
		go func() { // ends with the channel
			for f := range calls {
				f()
			}
		}()
		f := func() { back <- none{} }
		roundTrips(b, func() {
			calls <- f
			<-back
		})
	})
}

// BenchmarkAwait compares Await with a post and a channel by hand.
func BenchmarkAwait(b *testing.B) {
	one := func() deferred.Deferred[int] { return deferred.Succeed(1) }
	await := func(b *testing.B, r *reactor.Reactor) {
		for b.Loop() {
			if v, err := reactor.Await(b.Context(), r, one); v != 1 || err != nil {
				b.Fatal(v, err)
			}
		}
	}
	byHand := func(b *testing.B, r *reactor.Reactor) {
		for b.Loop() {
			back := make(chan int, 1)
			r.CallFromThread(func() { back <- 1 })
			if v := <-back; v != 1 {
				b.Fatal(v)
			}
		}
	}
	for _, others := range []int{0, 7000} {
		for _, place := range []string{"directly", "in iter.Pull"} {
			name := fmt.Sprintf("%s/goroutines=%d", strings.ReplaceAll(place, " ", "_"), others)
			run := func(f func(b *testing.B, r *reactor.Reactor)) func(b *testing.B) {
				return func(b *testing.B) {
					gate := make(chan none)
					defer close(gate)
					for range others {
						go func() { <-gate }() // ends with the benchmark
					}
					r := startBench(b)
					b.ReportAllocs()
					places[place](func() { f(b, r) })
				}
			}
			b.Run("Await/"+name, run(await))
			b.Run("by_hand/"+name, run(byHand))
		}
	}
}

const manyTimers = 1_000_000

// heapInUse returns the bytes of live objects.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// timerSet sets many timers, and stops or awaits them.
type timerSet interface {
	set(n int, first time.Duration)
	stop()
	wait()
}

func BenchmarkTimers(b *testing.B) {
	contestants := []struct {
		name string
		make func() timerSet
	}{
		{"CallLater", func() timerSet { return &reactorTimers{r: reactor.New(reactor.Options{NoSignals: true})} }},
		{"AfterFunc", func() timerSet { return new(runtimeTimers) }},
	}
	for _, c := range contestants {
		b.Run("memory/"+c.name, func(b *testing.B) {
			s := c.make()
			before := heapInUse()
			s.set(manyTimers, farAway)
			b.ReportMetric(float64(heapInUse()-before)/manyTimers, "B/timer")
			s.stop()
		})
		b.Run("set+stop/"+c.name, func(b *testing.B) {
			s := c.make()
			b.ReportAllocs()
			for b.Loop() {
				s.set(manyTimers, farAway)
				s.stop()
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N*manyTimers), "ns/timer")
		})
		b.Run("set+fire/"+c.name, func(b *testing.B) {
			s := c.make()
			b.ReportAllocs()
			for b.Loop() {
				s.set(manyTimers, 0)
				s.wait()
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N*manyTimers), "ns/timer")
		})
	}
}

// spread returns a different time within 50 ms for each timer. The order is
// neither sorted nor random.
func spread(i int) time.Duration {
	return time.Duration(i*7919%manyTimers) * (50 * time.Millisecond / manyTimers)
}

const farAway = time.Hour

type reactorTimers struct {
	r     *reactor.Reactor
	calls []*reactor.DelayedCall
	ran   int
}

func (s *reactorTimers) set(n int, first time.Duration) {
	s.calls = append(s.calls[:0], make([]*reactor.DelayedCall, n)...)
	s.ran = 0
	f := func() { s.ran++ }
	for i := range n {
		s.calls[i] = s.r.CallLater(first+spread(i), f)
	}
}

func (s *reactorTimers) stop() {
	for _, c := range s.calls {
		_ = c.Cancel()
	}
}

func (s *reactorTimers) wait() {
	for s.ran < len(s.calls) {
		_ = s.r.Iterate(time.Second)
	}
}

type runtimeTimers struct {
	timers []*time.Timer
	ran    chan none
}

func (s *runtimeTimers) set(n int, first time.Duration) {
	s.timers = append(s.timers[:0], make([]*time.Timer, n)...)
	s.ran = make(chan none, n)
	f := func() { s.ran <- none{} }
	for i := range n {
		s.timers[i] = time.AfterFunc(first+spread(i), f)
	}
}

func (s *runtimeTimers) stop() {
	for _, t := range s.timers {
		t.Stop()
	}
}

func (s *runtimeTimers) wait() {
	for range s.timers {
		<-s.ran
	}
}
