package deferred_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

func TestF72_CallbacksForTheirEffect(t *testing.T) {
	for _, row := range []struct {
		name   string
		add    func(tr *trace, d deferred.Deferred[int]) deferred.Deferred[int]
		value  []string // events of a value of 1, then the result
		failed []string // events of a failure, then the result
	}{
		{"OnValue", func(tr *trace, d deferred.Deferred[int]) deferred.Deferred[int] {
			return d.OnValue(func(v int) { tr.add("got %d", v) })
		}, []string{"got 1", "r=1"}, []string{"r!boom"}},
		{"OnError", func(tr *trace, d deferred.Deferred[int]) deferred.Deferred[int] {
			return d.OnError(func(err error) { tr.add("got %v", err) })
		}, []string{"r=1"}, []string{"got boom", "r=0"}},
		{"OnResult", func(tr *trace, d deferred.Deferred[int]) deferred.Deferred[int] {
			return d.OnResult(func(v int, err error) { tr.add("got %d %v", v, err) })
		}, []string{"got 1 <nil>", "r=1"}, []string{"got 0 boom", "r=0"}},
		{"Finally", func(tr *trace, d deferred.Deferred[int]) deferred.Deferred[int] {
			return d.Finally(func() { tr.add("ran") })
		}, []string{"ran", "r=1"}, []string{"ran", "r!boom"}},
		{"OnValue that panics", func(tr *trace, d deferred.Deferred[int]) deferred.Deferred[int] {
			return d.OnValue(func(int) { panic(errOther) })
		}, []string{"r!deferred: panic in a callback: other"}, []string{"r!boom"}},
		{"OnError that panics", func(tr *trace, d deferred.Deferred[int]) deferred.Deferred[int] {
			return d.OnError(func(error) { panic(errOther) })
		}, []string{"r=1"}, []string{"r!deferred: panic in a callback: other"}},
		{"Finally that panics", func(tr *trace, d deferred.Deferred[int]) deferred.Deferred[int] {
			return d.Finally(func() { panic(errOther) })
		}, []string{"r!deferred: panic in a callback: other"}, []string{"r!deferred: panic in a callback: other"}},
		{"OnValue whose value is taken meanwhile", func(tr *trace, d deferred.Deferred[int]) deferred.Deferred[int] {
			return d.OnValue(func(int) {
				taken := deferred.ThenDeferred(deferred.Succeed(0), func(int) deferred.Deferred[int] { return d })
				v, _, _ := taken.Result()
				tr.add("taken %d", v)
			})
		}, []string{"taken 1", "r=1"}, []string{"r!boom"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			tr := newTrace(t)
			fire := func(fire func(d deferred.Deferred[int])) {
				d := deferred.New[int]()
				if got := row.add(tr, d); got != d {
					t.Error("another Deferred was returned")
				}
				d.AddBoth(both[int](tr, "r")).AddErrback(handled[int])
				fire(d)
			}
			fire(func(d deferred.Deferred[int]) { d.Callback(1) })
			tr.want(row.value...)
			fire(func(d deferred.Deferred[int]) { d.Errback(errBoom) })
			tr.want(row.failed...)
		})
	}
}

// In a chain whose values are Deferreds' the value passes as it is, too.
func TestF72_OnValueOfAny(t *testing.T) {
	d := deferred.New[any]()
	d.OnValue(func(any) {}).Finally(func() {})
	d.Callback("text")
	wantResult[any](t, d, "text")
}

func TestF70_LogErr(t *testing.T) {
	var out bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	defer slog.SetDefault(old)
	stopped := false
	deferred.Fail[int](errBoom).OnError(deferred.LogErr).OnValue(func(int) { stopped = true })
	if !strings.Contains(out.String(), `level=ERROR msg="deferred: error in a Deferred" err=boom`) {
		t.Errorf("logged %q", out.String())
	}
	if !stopped {
		t.Error("the failure was not handled")
	}
}

// The log of a panic, by slog's default handler, has the stack on lines of its
// own, once.
func TestF33_PanicIsLoggedReadably(t *testing.T) {
	var out bytes.Buffer
	handler := slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.MessageKey { // as the default handler, which writes the message as it is
			out.WriteString(a.Value.String())
			return slog.Attr{}
		}
		return a
	}})
	old := slog.Default()
	slog.SetDefault(slog.New(handler))
	defer slog.SetDefault(old)
	deferred.Succeed(1).OnValue(func(int) { panics() }).OnError(deferred.LogErr)
	text := out.String()
	if strings.Count(text, "deferred_test.panics(") != 1 || strings.Contains(text, `\n`) {
		t.Errorf("logged %s", text)
	}
	lines := strings.Split(text, "\n")
	if lines[0] != "deferred: panic in a callback: boom" || !strings.HasPrefix(lines[1], "goroutine ") ||
		!strings.Contains(lines[2], "deferred_test.panics(") {
		t.Errorf("logged %s", text)
	}
	if err := error(deferred.NewPanicError(errBoom)); !errors.Is(err, errBoom) {
		t.Error("the panic value is lost")
	}
}

//go:noinline
func panics() { panic(errBoom) }
