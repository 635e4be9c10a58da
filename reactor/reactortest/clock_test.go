package reactortest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// script is a clock, and a record of what ran on it.
type script struct {
	*reactortest.Clock
	ran []string
}

func newScript() *script { return &script{Clock: reactortest.NewClock()} }

func (s *script) call(d time.Duration, name string) *reactor.DelayedCall {
	return s.CallLater(d, s.note(name))
}

func (s *script) note(name string) func() { return func() { s.ran = append(s.ran, name) } }

func (s *script) want(t *testing.T, names ...string) {
	t.Helper()
	if !slices.Equal(s.ran, names) {
		t.Errorf("ran %v, want %v", s.ran, names)
	}
}

func TestR122_R132_NewClock(t *testing.T) {
	s := newScript()
	if s.Elapsed() != 0 || s.Now().Unix() != 0 || len(s.GetDelayedCalls()) != 0 {
		t.Errorf("%v, %v, %v", s.Elapsed(), s.Now(), s.GetDelayedCalls())
	}
	late, soon := s.call(2, ""), s.call(1, "")
	if got := s.GetDelayedCalls(); !slices.Equal(got, []*reactor.DelayedCall{soon, late}) {
		t.Errorf("%v", got)
	}
	_ = soon.Cancel()
	if got := s.GetDelayedCalls(); !slices.Equal(got, []*reactor.DelayedCall{late}) {
		t.Errorf("%v", got)
	}
}

func TestR123_R124_R125_Advance(t *testing.T) {
	s := newScript()
	c := s.CallLater(2*time.Second, func() {
		if s.Elapsed() != 5*time.Second {
			t.Errorf("runs at %v", s.Elapsed())
		}
		inner := s.call(time.Second, "inner")
		if at := inner.Time().Unix(); at != 6 {
			t.Errorf("a call made at 5 s is due at %d s", at)
		}
		s.note("two")()
	})
	if !c.Active() || c.Time().Unix() != 2 {
		t.Errorf("active %v, due at %v", c.Active(), c.Time())
	}
	s.call(time.Second, "one")
	_ = s.call(3*time.Second, "cancelled").Cancel()
	s.Advance(5 * time.Second)
	s.want(t, "one", "two")
	s.Advance(time.Second)
	s.want(t, "one", "two", "inner")
}

func TestR126_R127_OrderInOneAdvance(t *testing.T) {
	s := newScript()
	s.CallLater(1, func() {
		s.note("a")()
		s.call(0, "made by a")
	})
	s.call(2, "b")
	s.call(2, "c")
	s.Advance(3)
	s.want(t, "a", "b", "c", "made by a")
}

func TestR128_OrderAfterMoves(t *testing.T) {
	s := newScript()
	a, b := s.call(1, "a"), s.call(2, "b")
	_ = a.Reset(2) // earlier in the list, so in front of b
	_ = s.call(9, "c").Reset(2)
	_ = b.Delay(1)
	d := s.call(3, "d")
	s.call(4, "e")
	s.CallLater(2, func() { _ = d.Reset(1) })
	s.Advance(4)
	s.want(t, "a", "c", "b", "e")
	s.Advance(1)
	s.want(t, "a", "c", "b", "e", "d")
}

func TestR129_CancellingItself(t *testing.T) {
	s := newScript()
	var c *reactor.DelayedCall
	c = s.CallLater(1, func() {
		if err := c.Cancel(); err != reactor.ErrAlreadyCalled {
			t.Errorf("got %v", err)
		}
	})
	s.Advance(1)
}

func TestR130_PanicsComeOutOfAdvance(t *testing.T) {
	s := newScript()
	s.CallLater(1, func() { panic("boom") })
	s.call(1, "other")
	func() {
		defer func() {
			if v := recover(); v != "boom" {
				t.Errorf("recovered %v", v)
			}
		}()
		s.Advance(1)
	}()
	s.want(t)
	s.Advance(0)
	s.want(t, "other")
}

func TestR131_Pump(t *testing.T) {
	s := newScript()
	s.CallLater(1, func() { s.call(1, "second") })
	s.Pump(1, 1, 1)
	s.want(t, "second")
	if s.Elapsed() != 3 {
		t.Errorf("at %v", s.Elapsed())
	}
}

func TestR133_NegativeDelays(t *testing.T) {
	s := newScript()
	if c := s.call(-5, "now"); c.Time().Unix() != 0 {
		t.Errorf("due at %v", c.Time())
	}
	s.Advance(0)
	s.want(t, "now")
	defer func() {
		if recover() == nil {
			t.Error("time went back")
		}
	}()
	s.Advance(-1)
}

func TestR134_NestedAdvance(t *testing.T) {
	s := newScript()
	s.CallLater(1, func() {
		s.note("outer")()
		s.Advance(5)
		s.note("outer goes on")()
	})
	s.call(3, "inner")
	s.Advance(1)
	s.want(t, "outer", "inner", "outer goes on")
}

func TestR135_TenTenthsAreOne(t *testing.T) {
	s := newScript()
	s.call(time.Second, "after a second")
	for range 10 {
		s.Advance(time.Second / 10)
	}
	s.want(t, "after a second")
}

func TestR149_AnEndlessAdvancePanics(t *testing.T) {
	s := newScript()
	var again func()
	again = func() { s.CallLater(0, again) }
	again()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	s.Advance(0)
}

func TestAfterFunc(t *testing.T) {
	s := newScript()
	stop := s.AfterFunc(1, s.note("stopped"))
	if !stop() || stop() {
		t.Error("stop does not tell what it did")
	}
	late := s.AfterFunc(1, s.note("ran"))
	s.Advance(1)
	if late() {
		t.Error("stopped what had run")
	}
	s.want(t, "ran")
}
