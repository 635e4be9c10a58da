package deferred_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
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

const contenders = 4

// contend takes the lock at path n times, and must be alone while it has
// the lock. Instead of unlocking it makes the link name the process dead, as if
// it had died with the lock; so each contender must find each lock stale. If
// unlocks is true, it unlocks every other time.
func contend(ctx context.Context, path, dead string, self, n int, unlocks bool) error {
	l, inside, corpse := deferred.NewFilesystemLock(path, nil), path+".inside", fmt.Sprintf("%s.dead.%d", path, self)
	for taken := 0; taken < n; {
		locked, err := l.Lock()
		if err != nil {
			return err
		}
		if !locked {
			if ctx.Err() != nil {
				return fmt.Errorf("after %d times: %w", taken, context.Cause(ctx))
			}
			runtime.Gosched()
			continue
		}
		taken++
		if l.Clean() && !unlocks {
			return errors.New("found the lock free: somebody removed it")
		}
		if err := os.Mkdir(inside, 0o700); err != nil {
			return fmt.Errorf("two have the lock: %w", err)
		}
		target, err := os.Readlink(path)
		if err != nil || target != strconv.Itoa(os.Getpid()) {
			return fmt.Errorf("the lock names %q, %v", target, err)
		}
		if err := os.Remove(inside); err != nil {
			return err
		}
		if unlocks && taken%2 == 0 {
			err = l.Unlock()
		} else {
			err = errors.Join(os.Symlink(dead, corpse), os.Rename(corpse, path))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func TestF43D309_GoroutinesOverAStaleLock(t *testing.T) {
	for name, unlocks := range map[string]bool{"all die": false, "some unlock": true} {
		t.Run(name, func(t *testing.T) {
			_, _, path := newFSLock(t)
			dead := strconv.Itoa(deadProcess(t))
			if err := os.Symlink(dead, path); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			var all sync.WaitGroup
			for i := range contenders {
				all.Go(func() {
					if err := contend(ctx, path, dead, i, 50, unlocks); err != nil {
						t.Error(err)
						cancel(errors.New("another contender failed"))
					}
				})
			}
			all.Wait()
			if _, err := deferred.NewFilesystemLock(path, nil).Lock(); err != nil { // if the last one unlocked
				t.Error(err)
			}
			wantOnly(t, path)
		})
	}
}

// TestF43D309_ProcessesOverAStaleLock starts itself several times: with
// contenderLock in the environment, it is one of the contenders.
func TestF43D309_ProcessesOverAStaleLock(t *testing.T) {
	const contenderLock, contenderDead = "HAWSER_TEST_LOCK", "HAWSER_TEST_DEAD"
	if path := os.Getenv(contenderLock); path != "" {
		if err := contend(t.Context(), path, os.Getenv(contenderDead), os.Getpid(), 100, false); err != nil {
			t.Fatal(err)
		}
		return
	}
	_, _, path := newFSLock(t)
	dead := strconv.Itoa(deadProcess(t))
	if err := os.Symlink(dead, path); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range contenders {
		all.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=2m")
			cmd.Env = append(os.Environ(), contenderLock+"="+path, contenderDead+"="+dead)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	all.Wait()
	wantOnly(t, path)
}

// wantOnly fails the test if there is anything beside the lock.
func wantOnly(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// A process that dies while it takes a stale lock over leaves a stale
// path+".next".
func TestF43_DeathWhileTakingOver(t *testing.T) {
	dead := strconv.Itoa(deadProcess(t))
	for n := range 4 {
		l, _, path := newFSLock(t)
		for i := range n + 1 {
			if err := os.Symlink(dead, path+strings.Repeat(".next", i)); err != nil {
				t.Fatal(err)
			}
		}
		if locked, err := l.Lock(); !locked || err != nil || l.Clean() {
			t.Errorf("%d: %v, %v, clean %v", n, locked, err, l.Clean())
		}
		wantOnly(t, path)
	}
}

// While a living process takes the lock over, nobody else does.
func TestF43_AnotherIsTakingOver(t *testing.T) {
	l, _, path := newFSLock(t)
	dead := strconv.Itoa(deadProcess(t))
	if err := errors.Join(os.Symlink(dead, path), os.Symlink(strconv.Itoa(os.Getpid()), path+".next")); err != nil {
		t.Fatal(err)
	}
	if locked, err := l.Lock(); locked || err != nil {
		t.Errorf("%v, %v", locked, err)
	}
	if target, _ := os.Readlink(path); target != dead {
		t.Errorf("names %q", target)
	}
}

func TestF43D309_IsLockedOnlyLooks(t *testing.T) {
	l, _, path := newFSLock(t)
	if err := os.Symlink(strconv.Itoa(deadProcess(t)), path); err != nil {
		t.Fatal(err)
	}
	if held, err := deferred.NewFilesystemLock(path, nil).IsLocked(); held || err != nil {
		t.Errorf("%v, %v", held, err)
	}
	if locked, err := l.Lock(); !locked || err != nil || l.Clean() { // else nobody cleans up
		t.Errorf("%v, %v, clean %v", locked, err, l.Clean())
	}
}

func TestF43_LooksLeaveNoDescriptors(t *testing.T) {
	l, _, path := newFSLock(t)
	lockByHand(t, path)
	before, err := os.ReadDir("/dev/fd")
	if err != nil && runtime.GOOS == "linux" {
		t.Fatal(err)
	}
	for range 50 {
		if held, err := l.IsLocked(); !held || err != nil {
			t.Fatalf("%v, %v", held, err)
		}
	}
	if after, _ := os.ReadDir("/dev/fd"); len(after) > len(before)+5 { // whatever else the process opens
		t.Errorf("%d descriptors, before %d", len(after), len(before))
	}
}

func TestD309_LockedAfterTheLinkIsGone(t *testing.T) {
	for name, disturb := range map[string]func(path string) error{
		"removed":         os.Remove,
		"another's":       func(path string) error { return errors.Join(os.Remove(path), os.Symlink("1", path)) },
		"another's thing": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			l, _, path := newFSLock(t)
			if locked, err := l.Lock(); !locked || err != nil {
				t.Fatal(locked, err)
			}
			if err := disturb(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(path)
			if err := l.Unlock(); err == nil || l.Locked() {
				t.Errorf("%v, locked %v", err, l.Locked())
			}
			if after, _ := os.Lstat(path); before != nil && !os.SameFile(before, after) {
				t.Error("removed a link of somebody else")
			}
		})
	}
}

// panickingClock panics at the n-th timer.
type panickingClock struct {
	fakeClock
	n int
}

func (c *panickingClock) AfterFunc(d duration, f func()) func() bool {
	if c.n--; c.n < 0 {
		panic(errBoom)
	}
	return c.fakeClock.AfterFunc(d, f)
}

func TestF62D305_AClockThatPanicsLeavesNothingPending(t *testing.T) {
	clock := new(panickingClock)
	path := filepath.Join(t.TempDir(), "lock")
	lockByHand(t, path)
	l := deferred.NewFilesystemLock(path, clock)
	wantPanic(t, errBoom, func() { l.DeferUntilLocked(seconds(1)) })
	os.Remove(path)
	deferredtest.SuccessResultOf(t, l.DeferUntilLocked(seconds(1)))
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
		"too large a process":    func(path string) error { return os.Symlink("4294967297", path) },
	} {
		t.Run(name, func(t *testing.T) {
			l, clock, path := newFSLock(t)
			if err := make(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(path)
			deferredtest.FailureResultOf(t, l.DeferUntilLocked(seconds(1)))
			wantTimers(t, clock, 0)
			if held, err := l.IsLocked(); held || err == nil {
				t.Errorf("IsLocked: %v, %v", held, err)
			}
			if err := l.Unlock(); err == nil {
				t.Error("unlocked")
			}
			if after, _ := os.Lstat(path); !os.SameFile(before, after) {
				t.Error("removed")
			}
		})
	}
	l := deferred.NewFilesystemLock(filepath.Join(t.TempDir(), "no", "such", "directory"), new(fakeClock))
	deferredtest.FailureResultOf(t, l.DeferUntilLocked(0), os.ErrNotExist)
}
