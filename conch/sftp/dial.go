package sftp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// Dial logs in to target and opens an SFTP session, as Open does, for goroutines
// that block. It runs a reactor of its own on a new goroutine, which leaves
// signals alone. Files.Close ends the session, the connection and the reactor.
//
// Dial fails as the Deferred of Open does, and with the cause of ctx when ctx is
// done before the session is open. Afterwards ctx has no effect. Dial must not be
// called on the loop of a reactor, which it would block.
func Dial(ctx context.Context, target string, options OpenOptions) (*Files, error) {
	r := reactor.New(reactor.Options{NoSignals: true})
	ended := make(chan error, 1)
	go func() { // ends with stop
		err := errors.New("sftp: a callback has ended the goroutine of the session's reactor")
		defer func() { ended <- err }()
		err = r.Run()
	}()
	stop := func() error {
		r.CallFromThread(func() { _ = r.Stop() }) // fails if it is stopping already
		return <-ended
	}
	s, err := reactor.Await(ctx, r, func() deferred.Deferred[*Client] { return Open(r, target, options) })
	if err != nil {
		_ = stop() // the reason is err
		return nil, err
	}
	s.shutdown = sync.OnceValue(func() error {
		err := s.closeAndWait()
		return cmp.Or(err, stop())
	})
	return s.Files(), nil
}

// Client returns the session, whose methods belong to the loop. reactor.Await
// with the session's Reactor, and [Call], reach everything that has no method
// here.
func (c *Files) Client() *Client { return c.session }

// Close closes the session, and the SSH connection if Open or Dial made it.
// After Dial it also ends the reactor and waits until no goroutine is left. Calls
// in progress, and later ones, fail with an error that wraps ErrClosed.
//
// Close returns the reason if the session had ended before, for example an error
// that matches conch.ErrConnectionLost. After Dial, further calls return the
// result of the first. Any goroutine may call Close. On the loop Close could only
// wait for itself: there it returns reactor.ErrOnLoop and does nothing;
// Client.LoseConnection closes a session on the loop.
func (c *Files) Close() error {
	switch s := c.session; {
	case s.r.OnLoop():
		return fmt.Errorf("sftp: Close on the loop; use LoseConnection: %w", reactor.ErrOnLoop)
	case s.shutdown != nil:
		return s.shutdown()
	default:
		return s.closeAndWait()
	}
}

// closeAndWait is close for other goroutines than the loop.
func (s *Client) closeAndWait() error {
	_, err := reactor.Await(context.Background(), s.r, s.close)
	if errors.Is(err, reactor.ErrReactorEnded) {
		return nil // and the session with it
	}
	return err
}
