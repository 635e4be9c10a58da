package insults_test

import (
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// outcomes records what Deferreds fire with.
type outcomes struct {
	found []string
	errs  []error
}

func (o *outcomes) of(d deferred.Deferred[[]string]) deferred.Deferred[[]string] {
	return d.OnResult(func(match []string, err error) {
		if err != nil {
			o.errs = append(o.errs, err)
			return
		}
		o.found = append(o.found, strings.Join(match, ","))
	})
}

func (o *outcomes) want(t *testing.T, found ...string) {
	t.Helper()
	if !slices.Equal(o.found, found) {
		t.Errorf("found %q, want %q; errors %v", o.found, found, o.errs)
	}
}

func TestT_INSULTS_140_141_Expect(t *testing.T) {
	b := insults.NewExpectableBuffer(20, 4)
	client := insults.NewClientProtocol(b)
	reactortest.Connect(client)
	var o outcomes
	o.of(b.Expect(regexp.MustCompile(`(\w+)@(\w+)`), 0, nil))
	o.of(b.Expect(regexp.MustCompile("b"), 0, nil)) // waits for its turn
	client.DataReceived([]byte("b"))
	o.want(t)
	client.DataReceived([]byte("a@c b"))
	o.want(t, "ba@c,ba,c", "b")
	o.of(b.Expect(regexp.MustCompile("b"), 0, nil)) // the text before does not count
	o.want(t, "ba@c,ba,c", "b")
	client.DataReceived([]byte("\x1b[H"))
	client.DataReceived([]byte("x"))
	o.want(t, "ba@c,ba,c", "b", "b")
	client.DataReceived([]byte("\x1bc"))
	_, _ = b.WriteString("here")
	o.of(b.Expect(regexp.MustCompile("he"), 0, nil)) // is there already
	o.of(b.Expect(regexp.MustCompile("re"), 0, nil))
	o.of(b.Expect(regexp.MustCompile("now"), 0, nil))
	b.WriteSequence([][]byte{[]byte("no"), []byte("w")})
	o.want(t, "ba@c,ba,c", "b", "b", "he", "re", "now")
}

func TestT_INSULTS_142_Timeout(t *testing.T) {
	b := insults.NewExpectableBuffer(20, 4)
	clock := reactortest.NewClock()
	var o outcomes
	o.of(b.Expect(regexp.MustCompile("never"), time.Second, clock))
	o.of(b.Expect(regexp.MustCompile("there"), time.Minute, clock))
	_, _ = b.Write([]byte("there"))
	o.want(t)
	clock.Advance(time.Second)
	o.want(t, "there")
	if len(o.errs) != 1 || !errors.Is(o.errs[0], insults.ErrExpectationTimeout) || !strings.HasSuffix(o.errs[0].Error(), ": never") {
		t.Error(o.errs)
	}
	if left := clock.GetDelayedCalls(); len(left) != 0 {
		t.Error("a timer is left")
	}
	cancelled := b.Expect(regexp.MustCompile("cancelled"), time.Second, clock)
	o.of(cancelled)
	o.of(b.Expect(regexp.MustCompile("next"), 0, nil))
	_, _ = b.WriteString("next")
	cancelled.Cancel()
	o.want(t, "there", "next")
	if len(o.errs) != 2 || !errors.Is(o.errs[1], deferred.ErrCancelled) || len(clock.GetDelayedCalls()) != 0 {
		t.Error(o.errs)
	}

	client := insults.NewClientProtocol(b)
	reactortest.Connect(client)
	o.of(b.Expect(regexp.MustCompile("lost"), time.Second, clock))
	o.of(b.Expect(regexp.MustCompile("lost"), 0, nil))
	reactor.EndConnection(client, io.EOF)
	o.of(b.Expect(regexp.MustCompile("there"), 0, nil))
	if len(o.errs) != 5 || !errors.Is(o.errs[4], io.EOF) || !errors.Is(o.errs[2], io.EOF) || len(clock.GetDelayedCalls()) != 0 {
		t.Error(o.errs)
	}
	o.want(t, "there", "next")
}

// The place after a match stays right while text scrolls away.
func TestT_INSULTS_143_Scrolling(t *testing.T) {
	b := insults.NewExpectableBuffer(20, 3)
	var o outcomes
	for i := range 20 {
		_, _ = b.WriteString("line é\n")
		o.of(b.Expect(regexp.MustCompile("line é"), 0, nil))
		if len(o.found) != i+1 {
			t.Fatalf("line %d: %q on %q", i, o.found, b)
		}
		o.of(b.Expect(regexp.MustCompile("end"), 0, nil)).Cancel()
	}
	o.of(b.Expect(regexp.MustCompile("line"), 0, nil))
	o.want(t, slices.Repeat([]string{"line é"}, 20)...)
	_, _ = b.WriteString("line")
	o.want(t, append(slices.Repeat([]string{"line é"}, 20), "line")...)
}
