package sftp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/sftptest"
	"github.com/hawser-go/hawser/deferred"
)

// far makes the round trip to the server long.
func far(p *peer) { p.Client.loop = &farLoop{loop: p.Client.loop} }

// farLoop is a loop whose clock moves by 50 ms at each call of Now, so that a
// round trip seems long.
type farLoop struct {
	loop
	now time.Time
}

func (l *farLoop) Now() time.Time {
	l.now = l.now.Add(50 * time.Millisecond)
	return l.now
}

func TestStripedTransfers(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		p.pool = newPool(poolSize)
		far(p)
		content := someBytes(24<<20+7, 1)
		source := write(t, filepath.Join(p.local, "source"), content)
		for _, o := range []Options{{}, {Atomic: true}, {Channels: 3}, {Channels: 1}} {
			up, err := p.put(source, "remote", o)
			if err != nil || up.Bytes != int64(len(content)) || !bytes.Equal(read(t, filepath.Join(p.dir, "remote")), content) {
				t.Fatalf("%+v, %v", up, err)
			}
			down, err := p.get("remote", filepath.Join(p.local, "target"), o)
			if err != nil || down.Bytes != int64(len(content)) || !bytes.Equal(read(t, filepath.Join(p.local, "target")), content) {
				t.Fatalf("%+v, %v", down, err)
			}
		}
	})
}

// getStriped downloads a large file from a server with a long round trip. It
// opens further channels with open, and counts them.
func getStriped(p *peer, open func(n int) deferred.Deferred[*filetransfer.FileTransferClient], o Options) (report Report, opened int, err error) {
	p.t.Helper()
	content := someBytes(40<<20, 1)
	write(p.t, filepath.Join(p.dir, "remote"), content)
	p.pool = newPool(poolSize)
	far(p)
	p.openChannel = func() deferred.Deferred[*filetransfer.FileTransferClient] {
		opened++
		return open(opened)
	}
	report, err = p.get("remote", filepath.Join(p.local, "target"), o)
	if err == nil && !bytes.Equal(read(p.t, filepath.Join(p.local, "target")), content) {
		p.t.Error("other content")
	}
	return report, opened, err
}

func TestLanesAreOpenedKeptAndClosed(t *testing.T) {
	p := openSSH(t)
	open := p.openChannel
	report, opened, err := getStriped(p, func(int) deferred.Deferred[*filetransfer.FileTransferClient] { return open() }, Options{})
	if err != nil || report.Channels != channelsPerConnection || opened != channelsPerConnection-1 {
		t.Errorf("%d channels opened: %+v, %v", opened, report, err)
	}
	before := opened
	if report, err = p.get("remote", filepath.Join(p.local, "target"), Options{}); err != nil || report.Channels != channelsPerConnection || opened != before {
		t.Errorf("%d channels opened, the second time: %+v, %v", opened-before, report, err)
	}
	onLoop(p, func() {
		if len(p.idle) != channelsPerConnection-1 || p.own.channels != channelsPerConnection-1 {
			t.Errorf("%d idle channels of %d", len(p.idle), p.own.channels)
		}
		p.closeChannels()
		if len(p.idle) != 0 || p.own.channels != 0 {
			t.Errorf("%d idle channels of %d", len(p.idle), p.own.channels)
		}
	})
	noHandles(p, "remote")
}

func TestIdleLaneIsClosed(t *testing.T) {
	p := openSSH(t)
	var due []func()
	p.Client.loop = lingerLoop{p.Client.loop, &due}
	open := p.openChannel
	if _, _, err := getStriped(p, func(int) deferred.Deferred[*filetransfer.FileTransferClient] { return open() }, Options{Channels: 2}); err != nil {
		t.Fatal(err)
	}
	onLoop(p, func() {
		if len(due) != 1 || len(p.idle) != 1 {
			t.Errorf("%d timers, %d idle channels", len(due), len(p.idle))
			return
		}
		due[0]()
		if len(p.idle) != 0 || p.own.channels != 0 {
			t.Errorf("%d idle channels of %d", len(p.idle), p.own.channels)
		}
	})
}

// lingerLoop records the timers of idle channels and does not start them.
type lingerLoop struct {
	loop
	due *[]func()
}

func (l lingerLoop) AfterFunc(d time.Duration, f func()) func() bool {
	if d == channelLinger {
		*l.due = append(*l.due, f)
		return func() bool { return true }
	}
	return l.loop.AfterFunc(d, f)
}

// TestLanesAreRefused: if the server refuses a further channel, the transfer
// uses the open channels. The next transfer requests no more.
func TestLanesAreRefused(t *testing.T) {
	p := openSSH(t)
	open := p.openChannel
	report, opened, err := getStriped(p, func(n int) deferred.Deferred[*filetransfer.FileTransferClient] {
		if n > 2 {
			return deferred.Fail[*filetransfer.FileTransferClient](errors.New("no more sessions"))
		}
		return open()
	}, Options{})
	if err != nil || report.Channels != 3 {
		t.Errorf("%+v, %v", report, err)
	}
	before := opened
	if report, err := p.get("remote", filepath.Join(p.local, "target"), Options{}); err != nil || report.Channels != 3 || opened != before {
		t.Errorf("asked %d times more: %+v, %v", opened-before, report, err)
	}
}

// TestLaneIsLost: a download succeeds if a further channel is lost.
func TestLaneIsLost(t *testing.T) {
	p := openSSH(t)
	open := p.openChannel
	lost := fmt.Errorf("channel lost: %w", io.ErrClosedPipe)
	report, _, err := getStriped(p, func(n int) deferred.Deferred[*filetransfer.FileTransferClient] {
		d := open()
		if n == 3 {
			c := must2(d)
			reads := 0
			c.Transport().(*sftptest.Link).Sent = func(packet []byte) {
				if packet[4] == 5 {
					if reads++; reads == 4 {
						p.r.CallLater(0, func() { c.ConnectionLost(lost) })
					}
				}
			}
			return deferred.Succeed(c)
		}
		return d
	}, Options{})
	if err != nil || report.Bytes != 40<<20 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestLaneSeesAnotherFile: a further channel opens another file, because the
// remote file was replaced. The download does not use that channel.
func TestLaneSeesAnotherFile(t *testing.T) {
	p := openSSH(t)
	open := p.openChannel
	refused := 0
	report, _, err := getStriped(p, func(int) deferred.Deferred[*filetransfer.FileTransferClient] {
		c, reading := must2(open()), deferred.New[*filetransfer.FileTransferClient]()
		p.FileTransferClient.Transport().(*sftptest.Link).Sent = func(packet []byte) {
			if packet[4] == 5 && !reading.Called() {
				reading.Callback(c)
			}
		}
		c.Transport().(*sftptest.Link).Sent = func(packet []byte) {
			switch packet[4] {
			case 3: // open
				if err := os.Rename(write(t, filepath.Join(p.dir, "new"), []byte("another")), filepath.Join(p.dir, "remote")); err != nil {
					t.Error(err)
				}
			case 4: // close
				refused++
			case 5: // read
				t.Error("the other file is read")
			}
		}
		return reading
	}, Options{Channels: 2})
	if err != nil || report.Bytes != 40<<20 || refused != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestStripedTree: many files of medium size are striped over channels too.
func TestStripedTree(t *testing.T) {
	p := openSSH(t)
	p.pool = newPool(poolSize)
	far(p)
	source := filepath.Join(p.local, "source")
	for i := range 80 {
		write(t, filepath.Join(source, fmt.Sprint(i)), someBytes(200_000, byte(i)))
	}
	up, err := p.put(source, "tree", Options{})
	if err != nil || up.Channels < 3 {
		t.Errorf("%+v, %v", up, err)
	}
	down, err := p.get("tree", filepath.Join(p.local, "target"), Options{})
	if err != nil || down.Channels < 3 {
		t.Errorf("%+v, %v", down, err)
	}
	sameTree(t, filepath.Join(p.local, "target"), source)
}

// TestFileIsOpenedOnAllLanesAtOnce: a large file is opened on the idle channels
// at the same time as on the first channel.
func TestFileIsOpenedOnAllLanesAtOnce(t *testing.T) {
	p := openSSH(t)
	open := p.openChannel
	if _, _, err := getStriped(p, func(int) deferred.Deferred[*filetransfer.FileTransferClient] { return open() }, Options{}); err != nil {
		t.Fatal(err)
	}
	opened, most := 0, 0 // files opened in this iteration of the loop, and the most in an iteration
	onLoop(p, func() {
		count := func(packet []byte) {
			if packet[4] == typeOpen {
				if opened++; opened == 1 {
					p.r.CallFromThread(func() { opened = 0 })
				}
				most = max(most, opened)
			}
		}
		p.FileTransferClient.Transport().(*sftptest.Link).Sent = count
		for _, l := range p.idle {
			l.client.Transport().(*sftptest.Link).Sent = count
		}
	})
	if _, err := p.get("remote", filepath.Join(p.local, "target"), Options{}); err != nil {
		t.Fatal(err)
	}
	onLoop(p, func() {
		if most != channelsPerConnection {
			t.Errorf("opened on %d channels at once, want %d", most, channelsPerConnection)
		}
	})
}
