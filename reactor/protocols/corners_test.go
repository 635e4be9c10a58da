package protocols_test

import "testing"

// An empty delimiter is none, and does not find lines without end.
func TestR427_EmptyDelimiter(t *testing.T) {
	p := new(liner)
	p.Delimiter = []byte{}
	connect(p)
	feed(p, "one\r\ntwo\r\n", 100)
	want(t, p.got, "one", "two")
}

// The largest length there is does not become a negative number where an int
// has 32 bits.
func TestR443_TheLargestLength(t *testing.T) {
	p := new(int32Notes)
	tr := connect(p)
	p.DataReceived([]byte("\xff\xff\xff\xffsome"))
	if len(p.got) != 0 || !tr.Disconnecting() {
		t.Errorf("got %q, disconnecting %v", p.got, tr.Disconnecting())
	}
}
