package deferred_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

func newFSLock(t *testing.T) (*deferred.FilesystemLock, *fakeClock, string) {
	path, clock := filepath.Join(t.TempDir(), "lock"), new(fakeClock)
	return deferred.NewFilesystemLock(path, clock), clock, path
}

func wantTimers(t *testing.T, clock *fakeClock, n int) {
	t.Helper()
	if len(clock.timers) != n {
		t.Errorf("%d timers, want %d", len(clock.timers), n)
	}
}

func lockByHand(t *testing.T, path string) {
	t.Helper()
	if err := os.Symlink(strconv.Itoa(os.Getpid()), path); err != nil {
		t.Fatal(err)
	}
}

func TestD300D306_FreeLock(t *testing.T) {
	l, clock, _ := newFSLock(t)
	for range 2 {
		deferredtest.SuccessResultOf(t, l.DeferUntilLocked(seconds(5)))
		wantTimers(t, clock, 0)
		if !l.Locked() {
			t.Error("not locked")
		}
		if err := l.Unlock(); err != nil || l.Locked() {
			t.Errorf("%v, locked %v", err, l.Locked())
		}
	}
}

func TestD301_RetriesEverySecond(t *testing.T) {
	l, clock, path := newFSLock(t)
	lockByHand(t, path)
	d := l.DeferUntilLocked(seconds(10))
	wantTimers(t, clock, 2)
	for range 3 {
		clock.advance(1)
	}
	deferredtest.AssertNoResult(t, d)
	os.Remove(path)
	clock.advance(1)
	deferredtest.SuccessResultOf(t, d)
	wantTimers(t, clock, 0)
}

func TestD302D308_Timeout(t *testing.T) {
	l, clock, path := newFSLock(t)
	lockByHand(t, path)
	for range 2 { // D308: the second one has a timeout too
		d := l.DeferUntilLocked(seconds(5) / 2)
		clock.advance(2)
		deferredtest.AssertNoResult(t, d)
		clock.advance(1)
		err := deferredtest.FailureResultOf(t, d, context.DeadlineExceeded)
		if e, ok := errors.AsType[*deferred.TimeoutError](err); !ok || e.What != "lock "+path || e.After != seconds(5)/2 {
			t.Errorf("got %v", err)
		}
		wantTimers(t, clock, 0)
	}
	os.Remove(path)
	deferredtest.SuccessResultOf(t, l.DeferUntilLocked(seconds(1)))
}

func TestD303_LastAttempt(t *testing.T) {
	l, clock, path := newFSLock(t)
	lockByHand(t, path)
	timesOut := l.DeferUntilLocked(seconds(1) / 2)
	os.Remove(path)
	clock.now += seconds(1) / 2
	clock.advance(0)
	deferredtest.SuccessResultOf(t, timesOut)
	wantTimers(t, clock, 0)

	cancelled := deferred.NewFilesystemLock(path, clock)
	d := cancelled.DeferUntilLocked(0)
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	d.Cancel()
	deferredtest.SuccessResultOf(t, d)
	wantTimers(t, clock, 0)
}

func TestD304D305_CancelAndSecondCall(t *testing.T) {
	l, clock, path := newFSLock(t)
	lockByHand(t, path)
	d := l.DeferUntilLocked(seconds(5))
	deferredtest.FailureResultOf(t, l.DeferUntilLocked(0), deferred.ErrAlreadyTryingToLock)
	wantTimers(t, clock, 2)
	d.Cancel()
	deferredtest.FailureResultOf(t, d, deferred.ErrCancelled)
	wantTimers(t, clock, 0)
	if l.Locked() {
		t.Error("locked")
	}
}

// deadProcess returns the id of a process that has ended.
func deadProcess(t *testing.T) int {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func TestD309_TheLink(t *testing.T) {
	l, _, path := newFSLock(t)
	if locked, err := l.Lock(); !locked || err != nil || !l.Clean() {
		t.Fatalf("%v, %v, clean %v", locked, err, l.Clean())
	}
	if target, _ := os.Readlink(path); target != strconv.Itoa(os.Getpid()) {
		t.Errorf("names %q", target)
	}
	other := deferred.NewFilesystemLock(path, nil)
	if locked, err := other.Lock(); locked || err != nil {
		t.Errorf("%v, %v", locked, err)
	}
	if held, err := other.IsLocked(); !held || err != nil {
		t.Errorf("%v, %v", held, err)
	}
	if err := l.Unlock(); err != nil {
		t.Error(err)
	}
	if held, err := other.IsLocked(); held || err != nil {
		t.Errorf("%v, %v", held, err)
	}
	if err := l.Unlock(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestD309_BreaksTheLockOfADeadProcess(t *testing.T) {
	l, _, path := newFSLock(t)
	if err := os.Symlink(strconv.Itoa(deadProcess(t)), path); err != nil {
		t.Fatal(err)
	}
	if locked, err := l.Lock(); !locked || err != nil || l.Clean() {
		t.Errorf("%v, %v, clean %v", locked, err, l.Clean())
	}
}

func TestD309_UnlockByAnother(t *testing.T) {
	l, _, path := newFSLock(t)
	if err := os.Symlink("1", path); err != nil {
		t.Fatal(err)
	}
	if err := l.Unlock(); err == nil {
		t.Error("unlocked what another process holds")
	}
	if runtime.GOOS != "windows" { // process 1 is there
		if locked, err := l.Lock(); locked || err != nil {
			t.Errorf("%v, %v", locked, err)
		}
	}
}

func TestD309_WhatIsNoLock(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"a file":                 func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"a link to another name": func(path string) error { return os.Symlink("name", path) },
		"a process of zero":      func(path string) error { return os.Symlink("0", path) },
	} {
		t.Run(name, func(t *testing.T) {
			l, clock, path := newFSLock(t)
			if err := make(path); err != nil {
				t.Fatal(err)
			}
			deferredtest.FailureResultOf(t, l.DeferUntilLocked(seconds(1)))
			wantTimers(t, clock, 0)
		})
	}
	l := deferred.NewFilesystemLock(filepath.Join(t.TempDir(), "no", "such", "directory"), new(fakeClock))
	deferredtest.FailureResultOf(t, l.DeferUntilLocked(0), os.ErrNotExist)
}
