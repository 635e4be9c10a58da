package frame

// MaxHeader is the maximum header length for [Reader.SetPlace], in bytes.
const MaxHeader = 16

// placed is a message that is copied to memory from the place function, except
// for its header.
type placed struct {
	filling bool   // the current message is placed
	size    int    // the length of the header
	body    []byte // the part of the memory that is not filled yet
	skip    int    // the number of bytes after body that are dropped
	done    bool   // Next has just returned the header of a placed message
}

// SetPlace sets a function that provides memory for messages. The Reader calls
// place when it has the first header bytes of a message whose end has not been
// fed yet. rest is the number of bytes that follow the header.
//
// If place returns memory, the following bytes are copied there. Bytes that do
// not fit are dropped. Next then returns only the header, and Placed returns
// true. If place returns nil, the message is read as usual. place must not keep
// its argument. SetPlace panics if header is greater than MaxHeader.
func (r *Reader) SetPlace(header int, place func(header []byte, rest int) []byte) {
	if header > MaxHeader {
		panic("frame: the header is too long; see MaxHeader")
	}
	r.header, r.place = header, place
}

// Placed reports whether the last result of Next is only the header of a
// message. The other bytes are then in the memory from place. The header is
// valid until the next call of Next.
func (r *Reader) Placed() bool { return r.placed.done }

// Filling returns the header of the message that is being copied to memory from
// place. The result is nil if there is none.
func (r *Reader) Filling() []byte {
	if !r.placed.filling {
		return nil
	}
	return r.head[LengthSize : LengthSize+r.placed.size]
}

// GiveUpPlace stops the use of the memory that is being filled. The remaining
// bytes of the message are dropped.
func (r *Reader) GiveUpPlace() {
	r.placed.skip += len(r.placed.body)
	r.placed.body = nil
}

// findPlace calls place for a message of size bytes if its header is long
// enough. The result is whether place returned memory.
func (r *Reader) findPlace(header, size int) bool {
	if r.place == nil || header < r.header {
		return false
	}
	body := r.place(r.head[LengthSize:LengthSize+header], size-header)
	if body == nil {
		return false
	}
	r.placed = placed{filling: true, size: header, body: body, skip: size - header - len(body)}
	return true
}

// fillPlace copies data to the memory. The result is the header at the end of
// the message.
func (r *Reader) fillPlace() []byte {
	p := &r.placed
	n := copy(p.body, r.in)
	p.body = p.body[n:]
	r.drop(n)
	if len(p.body) == 0 {
		n = min(p.skip, len(r.in))
		p.skip -= n
		r.drop(n)
	}
	if len(p.body) > 0 || p.skip > 0 {
		return nil
	}
	header := r.Filling()
	r.placed = placed{done: true}
	return header
}
