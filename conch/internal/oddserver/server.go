package oddserver

import (
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Server is a server with files in memory. Any goroutine may call its methods.
type Server struct {
	mu       sync.Mutex // guards the rest, and all nodes and handles
	odd      Oddities
	root     *node
	sessions map[*session]struct{}
	number   int // of sessions so far
	log      []*Request
	counted  int // requests since the oddities were set
	answers  int
	closes   int // of handles for writing, since the oddities were set
	mute     bool
	parked   []func()

	jobs sync.WaitGroup // delayed requests
}

// New returns a server without files. A field of o may have a function, which
// the server calls on its goroutines.
func New(o Oddities) *Server {
	s := &Server{root: newNode(dirMode | 0o755), sessions: make(map[*session]struct{})}
	s.Set(o)
	return s
}

// Set changes the oddities. The counts of requests and closes begin anew.
func (s *Server) Set(o Oddities) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.odd, s.counted, s.closes, s.mute = o, 0, 0, false
}

// Log returns the requests in the order of arrival.
func (s *Server) Log() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := make([]Request, len(s.log))
	for i, r := range s.log {
		log[i] = *r
	}
	return log
}

// ClearLog forgets the requests so far.
func (s *Server) ClearLog() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
}

// Handles returns the number of handles that are open in all sessions.
func (s *Server) Handles() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open()
}

func (s *Server) open() (n int) {
	for ss := range s.sessions {
		n += len(ss.handles)
	}
	return n
}

// Sessions returns the number of sessions that have not ended.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Release carries out the parked requests, in the order of arrival, also those
// of sessions that have ended.
func (s *Server) Release() {
	s.mu.Lock()
	parked := s.parked
	s.parked = nil
	s.mu.Unlock()
	for _, run := range parked {
		run()
	}
}

// Kill closes all connections without a message.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ss := range s.sessions {
		ss.dead = true
		ss.kill()
	}
}

// Wait waits for requests that are delayed.
func (s *Server) Wait() { s.jobs.Wait() }

// session is one SFTP session. A session that has ended keeps its handles, for
// requests that are carried out later.
type session struct {
	s       *Server
	number  int
	rwc     io.ReadWriteCloser
	kill    func() // closes the connection
	writing sync.Mutex
	handles map[string]*handle
	dead    bool // Kill was called

	halfClosed bool

	pool    sync.WaitGroup
	changed sync.Cond // of the fields below, with the mutex of the server
	pending []*Request
	ended   bool
	random  *rand.Rand
}

// handle is an open file or directory.
type handle struct {
	n       *node
	path    string
	flags   uint32
	own     []byte // the copy of a buffered handle
	next    uint64 // the offset at which a sequential handle must write
	entries []entry
	read    bool // entries has been filled
	dir     bool
}

// Serve serves a session on rwc until it ends, and closes rwc.
func (s *Server) Serve(rwc io.ReadWriteCloser) error {
	return s.serve(rwc, func() { rwc.Close() })
}

func (s *Server) serve(rwc io.ReadWriteCloser, kill func()) error {
	s.mu.Lock()
	s.number++
	ss := &session{s: s, number: s.number, rwc: rwc, kill: kill, handles: make(map[string]*handle)}
	ss.changed.L = &s.mu
	ss.random = rand.New(rand.NewPCG(s.odd.Seed, uint64(s.number)))
	s.sessions[ss] = struct{}{}
	workers := s.odd.Workers
	s.mu.Unlock()
	for range workers {
		ss.pool.Go(ss.work)
	}
	err := ss.receive(workers > 0)
	s.mu.Lock()
	delete(s.sessions, ss)
	ss.ended = true
	ss.changed.Broadcast()
	s.mu.Unlock()
	ss.pool.Wait()
	rwc.Close()
	if err == io.EOF {
		return nil
	}
	return err
}

// receive reads requests until the session ends.
func (ss *session) receive(workers bool) error {
	for {
		kind, rest, err := readPacket(ss.rwc)
		if err != nil {
			return err
		}
		if kind == initType {
			ss.send(nil, ss.s.version())
			continue
		}
		r := decode(kind, rest)
		if r == nil {
			return fmt.Errorf("oddserver: malformed packet of type %d", kind)
		}
		late, alive := ss.arrive(r)
		switch {
		case !alive:
		case late != nil:
			late(func() { ss.perform(r) })
		case workers:
			ss.s.mu.Lock()
			ss.pending = append(ss.pending, r)
			ss.changed.Signal()
			ss.s.mu.Unlock()
		default:
			ss.perform(r)
		}
	}
}

func (s *Server) version() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := u32([]byte{0, 0, 0, 0, version}, 3)
	for _, e := range extensions {
		if s.odd.offers(e[0]) {
			b = str(str(b, e[0]), e[1])
		}
	}
	return b
}

// arrive records a request. The request must not be carried out if alive is
// false. If late is not nil, late must get the function that carries it out.
func (ss *session) arrive(r *Request) (late func(func()), alive bool) {
	s := ss.s
	s.mu.Lock()
	if ss.dead { // the connection may still have data
		s.mu.Unlock()
		return nil, false
	}
	s.counted++
	r.Session, r.N = ss.number, len(s.log)+1
	if len(s.log) > 0 {
		r.N = s.log[len(s.log)-1].N + 1
	}
	s.log = append(s.log, r)
	o, n := s.odd, s.counted
	dying := o.DieAt > 0 && n >= o.DieAt
	if n == o.DieAt && o.DieAfter {
		ss.answer(r)
	}
	s.mute = s.mute || n == o.MuteAt
	ss.halfClosed = ss.halfClosed || n == o.HalfCloseAt
	alive = !s.mute && !ss.halfClosed && !dying
	seen := *r
	s.mu.Unlock()
	if o.Arrived != nil {
		o.Arrived(seen)
	}
	if c, ok := ss.rwc.(interface{ CloseWrite() error }); ok && n == o.HalfCloseAt {
		_ = c.CloseWrite() // fails only if the connection is lost
	}
	switch {
	case dying && n < o.DieAt+o.LateWrites:
		s.after(lateDeath, s.Kill) // if the client sends no more
		if r.Type == WRITE {
			s.park(func() { ss.perform(r) })
		}
	case dying:
		s.Kill()
	case alive && o.Park != nil && o.Park(seen):
		return s.park, alive
	case o.WriteDelay > 0 && r.Type == WRITE:
		return func(run func()) { s.after(o.WriteDelay, run) }, alive
	}
	return nil, alive
}

// lateDeath is the time after DieAt in which LateWrites writes can arrive.
const lateDeath = 5 * time.Millisecond

func (s *Server) park(run func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parked = append(s.parked, run)
}

func (s *Server) after(d time.Duration, run func()) {
	s.jobs.Add(1)
	time.AfterFunc(d, func() {
		defer s.jobs.Done()
		run()
	})
}

// work carries out pending requests in random order until the session has ended
// and none is left.
func (ss *session) work() {
	for {
		runtime.Gosched() // more requests arrive, so that there is a choice
		ss.s.mu.Lock()
		for len(ss.pending) == 0 && !ss.ended {
			ss.changed.Wait()
		}
		if len(ss.pending) == 0 {
			ss.s.mu.Unlock()
			return
		}
		i := ss.random.IntN(len(ss.pending))
		r := ss.pending[i]
		ss.pending = slices.Delete(ss.pending, i, i+1)
		ss.s.mu.Unlock()
		ss.perform(r)
	}
}

// perform carries out a request and sends the answer.
func (ss *session) perform(r *Request) {
	ss.s.mu.Lock()
	if ss.s.mute || ss.halfClosed {
		ss.s.mu.Unlock()
		return
	}
	b := ss.answer(r)
	ss.s.mu.Unlock()
	if b != nil {
		ss.send(r, b)
	}
}

// send sends the answer to a request, or the version.
func (ss *session) send(r *Request, b []byte) {
	ss.writing.Lock()
	defer ss.writing.Unlock()
	if r != nil {
		ss.s.mu.Lock()
		ss.s.answers++
		r.Answered = ss.s.answers
		ss.s.mu.Unlock()
	}
	_, _ = ss.rwc.Write(seal(b)) // an error means that the session ends
}

// status is the answer to a request as an error.
type status struct {
	code uint32
	text string
}

func (e *status) Error() string { return e.text }

var texts = map[uint32]string{
	OK: "Success", EOF: "End of file", NoSuchFile: "No such file", Denied: "Permission denied", Failure: "Failure",
	BadMessage: "Bad message", Unsupported: "Operation unsupported", NoSuchPath: "No such path", AlreadyExists: "File exists",
}

func fail(code uint32) *status { return &status{code, texts[code]} }

// answer carries out a request and returns the packet with the answer. It
// returns nil if there is none. The mutex of the server is held.
func (ss *session) answer(r *Request) []byte {
	o := &ss.s.odd
	var b []byte
	var err *status
	switch code := o.Codes[r.Type]; {
	case code == 0 || r.Type == CLOSE:
		b, err = ss.operation(r)
		if code != 0 && err == nil {
			err = fail(code)
		}
	default:
		err = fail(code)
	}
	if err == dropped {
		ss.kill()
		return nil
	}
	if err == nil && b == nil {
		err = fail(OK)
	}
	if err != nil {
		r.Code = err.code
		b = str(str(u32(packet(statusType, r.id), err.code), err.text), "")
	}
	r.data = nil // the log does not keep it
	return b
}

// dropped is the result of an operation that closes the connection.
var dropped = &status{}

func (s *Server) missing() *status {
	if s.odd.MissingCode != 0 {
		return fail(s.odd.MissingCode)
	}
	return fail(NoSuchFile)
}

func (s *Server) exists() *status {
	if s.odd.ExistsCode != 0 {
		return fail(s.odd.ExistsCode)
	}
	return fail(Failure)
}

// newHandle registers the handle under the lowest free number, as an operating
// system does, and returns the answer.
func (ss *session) newHandle(r *Request, h *handle) ([]byte, *status) {
	if max := ss.s.odd.Handles; max > 0 && ss.s.open() >= max {
		return nil, &status{Failure, "Too many open files"}
	}
	if h.flags&flagWrite != 0 {
		h.n.writers++
	}
	for i := 0; ; i++ {
		if name := strconv.Itoa(i); ss.handles[name] == nil {
			ss.handles[name] = h
			return str(packet(handleType, r.id), name), nil
		}
	}
}

// attrs returns the attributes of a node, with the oddities. size is that of
// the data that the client sees.
func (s *Server) attrs(n *node, size int) attrs {
	o := &s.odd
	a := attrs{hasSize | hasOwner | hasPerms | hasTimes, uint64(size), n.uid, n.gid, n.mode, n.atime, n.mtime}
	if n.is(fileMode) {
		a.size = uint64(max(0, int64(size)+o.SizeOff))
		if o.ZeroSize || o.StaleSize && n.writers > 0 {
			a.size = 0
		}
		if o.NoSize {
			a.flags &^= hasSize
		}
	}
	if o.NoPermissions {
		a.flags &^= hasPerms
	}
	if o.NoTypeBits {
		a.perms &= 0o7777
	}
	if o.NoTimes {
		a.flags &^= hasTimes
	}
	return a
}

// entry is a file in a listing.
type entry struct {
	name  string
	attrs attrs
}

// list returns the entries of a directory.
func (s *Server) list(dir *node) (entries []entry) {
	add := func(name string, n *node) { entries = append(entries, entry{name, s.attrs(n, len(n.data))}) }
	if !s.odd.NoDots {
		add(".", dir)
		add("..", dir)
	}
	for _, name := range slices.Sorted(keys(dir.entries)) {
		add(name, dir.entries[name])
	}
	for i := range s.odd.Fertile {
		add(fmt.Sprint("d", i), newNode(dirMode|0o755))
	}
	for _, name := range s.odd.Names {
		add(name, &node{mode: fileMode | 0o644, data: []byte("?")})
	}
	return entries
}

// names returns a NAME packet.
func names(r *Request, entries []entry) []byte {
	b := u32(packet(nameType, r.id), uint32(len(entries)))
	for _, e := range entries {
		kind := map[uint32]string{dirMode: "d", linkMode: "l"}[e.attrs.perms&typeMask]
		if kind == "" {
			kind = "-"
		}
		long := fmt.Sprintf("%srw-r--r--    1 odd      odd      %8d Jan  1 00:00 %s", kind, e.attrs.size, path.Base(e.name))
		b = e.attrs.encode(str(str(b, e.name), long))
	}
	return b
}
