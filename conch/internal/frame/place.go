package frame

// MaxHeader is the longest header, in bytes, that SetPlace may ask for.
const MaxHeader = 16

// placed is a message whose rest goes to a place of its own.
type placed struct {
	filling bool   // it is the message at hand
	size    int    // of its header
	body    []byte // the rest of the place; nil once that was given up
	skip    int    // bytes of the message that are left and go nowhere
	done    bool   // the message that Next returned last is the header of one
}

// SetPlace makes the Reader ask, for each message that is not there whole and has at least header bytes, where its rest is to go once the
// header is there: place returns memory for the first of the rest bytes that follow, which go there without another copy, or nil for the
// message to be gathered as others are. What does not fit is dropped. header is at most MaxHeader; place must not keep its argument.
func (r *Reader) SetPlace(header int, place func(header []byte, rest int) []byte) {
	if header > MaxHeader {
		panic("frame: header too long")
	}
	r.header, r.place = header, place
}

// Placed reports whether what Next has returned last is only the header of a message whose rest is in its place. That header is valid until Next
// is called again.
func (r *Reader) Placed() bool { return r.placed.done }

// Filling returns the header of the message whose place is being filled, nil if none is.
func (r *Reader) Filling() []byte {
	if !r.placed.filling {
		return nil
	}
	return r.head[LengthSize : LengthSize+r.placed.size]
}

// GiveUpPlace makes what is still to come for the place that is being filled go nowhere.
func (r *Reader) GiveUpPlace() {
	r.placed.skip += len(r.placed.body)
	r.placed.body = nil
}

// findPlace asks where a message of size bytes goes whose header is there, and reports whether there is a place.
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

// fillPlace copies to the place, and returns the header when the message has passed.
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
