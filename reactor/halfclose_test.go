package reactor_test

import (
	"io"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/protocols"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// LoseWriteConnection waits for a producer, as LoseConnection does: a file that
// is being sent is sent to its end.
func TestR273_LoseWriteConnectionWaitsForAProducer(t *testing.T) {
	n := startNet(t)
	p := newRecorder()
	content := strings.Repeat("0123456789", 50_000)
	sent := make(chan error, 1)
	p.onMade = func(p *recorder) {
		d := new(protocols.FileSender).BeginFileTransfer(strings.NewReader(content), p.Transport())
		deferred.ThenBoth(d, func(_ []byte, err error) (none, error) {
			sent <- err
			return none{}, nil
		})
		p.Transport().(reactor.HalfCloserTransport).LoseWriteConnection()
	}
	c := n.serve(p)
	got, err := io.ReadAll(c)
	if string(got) != content || err != nil {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	wantErr(t, within(t, sent), nil)
	send(t, c, "still heard")
	n.waitFor("data", func() bool { return p.data.String() == "still heard" })
}

// Who begins to produce after the sending direction has ended is stopped at
// once: nothing would ask it for more.
func TestR287_ProducersAfterLoseWriteConnection(t *testing.T) {
	send := func(tr reactor.Transport) (err error, ok bool) {
		tr.(reactor.HalfCloserTransport).LoseWriteConnection()
		d := new(protocols.FileSender).BeginFileTransfer(strings.NewReader("too late"), tr)
		_, err, ok = d.Result()
		d.AddErrback(func(error) ([]byte, error) { return nil, nil })
		return err, ok
	}
	n := startNet(t)
	p := newRecorder()
	n.serve(p)
	n.do(func() {
		err, ok := send(p.Transport())
		if wantErr(t, err, protocols.ErrConsumerStopped); !ok {
			t.Error("the transfer waits")
		}
	})
	client := new(reactortest.AccumulatingProtocol)
	reactortest.NewPair(client, new(reactortest.AccumulatingProtocol))
	err, _ := send(client.Transport())
	wantErr(t, err, protocols.ErrConsumerStopped)
}

func TestR273_R530_PairWaitsForAProducer(t *testing.T) {
	client, server := new(reactortest.AccumulatingProtocol), new(reactortest.AccumulatingProtocol)
	pair := reactortest.NewPair(client, server)
	content := strings.Repeat("0123456789", 10_000)
	d := new(protocols.FileSender).BeginFileTransfer(strings.NewReader(content), client.Transport())
	pair.Client.LoseWriteConnection()
	pair.Flush()
	if !d.Called() || server.Data.String() != content || !server.Closed {
		t.Errorf("%v; %d bytes; closed %v", d, server.Data.Len(), server.Closed)
	}
}
