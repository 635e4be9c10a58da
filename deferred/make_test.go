package deferred_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

func TestD165D166_SucceedAndFail(t *testing.T) {
	s, f := deferred.Succeed(1), deferred.Fail[int](errBoom)
	if !s.Called() || !f.Called() {
		t.Error("not fired")
	}
	wantResult(t, s, 1)
	wantFailure(t, f, errBoom)
	if panicOf(func() { deferred.Fail[int](nil) }) == nil {
		t.Error("a nil error was accepted")
	}
}

func TestD167toD173_Maybe(t *testing.T) {
	wantResult(t, deferred.Maybe(func() (int, error) { return 1, nil }), 1)
	wantFailure(t, deferred.Maybe(func() (int, error) { return 1, errBoom }), errBoom)
	panicked := deferred.Maybe(func() (int, error) { panic(errBoom) })
	_, err, _ := panicked.Result()
	if p, ok := errors.AsType[*deferred.PanicError](err); !ok || !strings.Contains(string(p.Stack), "TestD167toD173_Maybe") {
		t.Errorf("got %v", err)
	}
	wantFailure(t, panicked, errBoom)

	inner := deferred.New[int]()
	plain := deferred.Maybe(func() (deferred.Deferred[int], error) { return inner, nil })
	wantResult(t, plain, inner) // D167: typed, it is a value like another
	dynamic := deferred.Maybe(func() (any, error) { return inner, nil })
	inner.Callback(2)
	wantResult[any](t, dynamic, 2)

	coroutine := func() (int, error) { return 5, errOther } // D173
	wantFailure(t, deferred.Maybe(func() (any, error) {
		return deferred.Inline(func(*deferred.Coro) (int, error) { return coroutine() }), nil
	}), errOther)

	for _, d := range []deferred.Deferred[int]{deferred.New[int](), deferred.Succeed(1)} {
		if deferred.MaybeDeferred(func() deferred.Deferred[int] { return d }) != d {
			t.Error("another Deferred")
		}
	}
	wantFailure(t, deferred.MaybeDeferred(func() deferred.Deferred[int] { panic(errBoom) }), errBoom)
}

func TestD11_ErrbackRecovered(t *testing.T) {
	d := deferred.New[int]()
	func() {
		defer func() {
			if r := recover(); r != nil {
				d.ErrbackRecovered(r)
			}
		}()
		panic(errBoom)
	}()
	wantFailure(t, d, errBoom)
	if panicOf(func() { deferred.New[int]().ErrbackRecovered(nil) }) == nil {
		t.Error("nothing was accepted")
	}
}

func TestD133D134_LogError(t *testing.T) {
	var out bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	defer slog.SetDefault(old)
	d := deferred.Fail[int](errBoom).AddErrback(deferred.LogError[int])
	if !strings.Contains(out.String(), `level=ERROR msg="deferred: error in a Deferred" err=boom`) {
		t.Errorf("logged %q", out.String())
	}
	wantFailure(t, d, errBoom)
}

func TestD145D148D149_Trap(t *testing.T) {
	err := fmt.Errorf("opening: %w", fs.ErrNotExist)
	if matched, unhandled := deferred.Trap(err, fs.ErrPermission, fs.ErrNotExist); matched != fs.ErrNotExist || unhandled != nil {
		t.Errorf("got %v, %v", matched, unhandled)
	}
	if matched, unhandled := deferred.Trap(err, fs.ErrPermission); matched != nil || unhandled != err {
		t.Errorf("got %v, %v", matched, unhandled)
	}
	path := &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}
	if matched, unhandled := deferred.TrapAs[*fs.PathError](fmt.Errorf("w: %w", path)); matched != path || unhandled != nil {
		t.Errorf("got %v, %v", matched, unhandled)
	}
	if matched, unhandled := deferred.TrapAs[*fs.PathError](err); matched != nil || unhandled != err {
		t.Errorf("got %v, %v", matched, unhandled)
	}
}

// badError is an error whose text cannot be had.
type badError struct{}

func (badError) Error() string { panic("no text") }

func TestD153D155_ErrorWithoutText(t *testing.T) {
	d := deferred.Fail[int](badError{})
	for _, text := range []string{
		d.String(),
		(&deferred.UnhandledError{Err: badError{}}).Error(),
		(&deferred.FirstError{Err: badError{}}).Error(),
		(&deferred.PanicError{Value: badError{}}).Error(),
	} {
		if !strings.Contains(text, "no text") {
			t.Errorf("got %q", text)
		}
	}
	d.AddErrback(handled[int])
}

func TestD144_PanicErrorOfAPanicError(t *testing.T) {
	first := deferred.Maybe(func() (int, error) { panic(errBoom) })
	_, err, _ := first.Result()
	again := deferred.Succeed(1).AddCallback(func(int) (int, error) { panic(err) })
	again.AddErrback(func(got error) (int, error) {
		if got != err {
			t.Errorf("got %v", got)
		}
		return 0, nil
	})
	first.AddErrback(handled[int])
}

func TestD154D158D164_PanicErrorFormats(t *testing.T) {
	d := deferred.Maybe(func() (int, error) { panic("p") })
	_, err, _ := d.Result()
	if text := fmt.Sprintf("%v", err); text != "deferred: panic in a callback: p" {
		t.Errorf("%%v: %q", text)
	}
	if text := fmt.Sprintf("%q", err); text != `"deferred: panic in a callback: p"` {
		t.Errorf("%%q: %q", text)
	}
	if text := fmt.Sprintf("%+v", err); !strings.Contains(text, "callback: p\ngoroutine") || !strings.Contains(text, "make_test.go") {
		t.Errorf("%%+v: %q", text)
	}
	d.AddErrback(handled[int])
}
