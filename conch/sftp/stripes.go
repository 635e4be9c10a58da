package sftp

import (
	"slices"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// striping opens a file on the further channels of a job, present and future,
// and adds the handles to a pipeline. A channel on which the file cannot be
// opened is not used.
type striping struct {
	group
	job      *job
	pipeline *pipeline
	open     openFunc
	files    []*filetransfer.ClientFile
	added    int // handles that the pipeline has
	begun    bool
}

// openFunc opens a file on a channel.
type openFunc = func(co *deferred.Coro, l *channel) (*filetransfer.ClientFile, error)

// stripe begins to open a file on all channels but on. Its handles are used after
// begin. The caller must call close or drop.
func (j *job) stripe(p *pipeline, on *channel, open openFunc) *striping {
	s := &striping{job: j, pipeline: p, open: open}
	j.pipelines = append(j.pipelines, s)
	for _, l := range j.channels {
		if l != on {
			s.addStripe(l)
		}
	}
	return s
}

func (s *striping) addStripe(l *channel) {
	s.start(func(co *deferred.Coro) error {
		h, err := s.open(co, l)
		switch {
		case err != nil:
		case s.stopped:
			h.Close().AddErrback(ignore)
		default:
			s.files = append(s.files, h)
			s.use()
		}
		return nil
	})
}

// begin adds the handles to the pipeline, which has the file's first one.
func (s *striping) begin() {
	s.begun = true
	s.use()
}

func (s *striping) use() {
	for ; s.begun && s.added < len(s.files); s.added++ {
		s.pipeline.add(s.files[s.added])
	}
}

// leave makes the striping open nothing more.
func (s *striping) leave() {
	s.job.pipelines = slices.DeleteFunc(s.job.pipelines, func(other *striping) bool { return other == s })
}

// close closes the handles, and waits for the answers. It returns the first
// failure.
func (s *striping) close(co *deferred.Coro) error {
	s.leave()
	if err := s.wait(co); err != nil {
		return err
	}
	var closing []deferred.Deferred[filetransfer.Status]
	for _, h := range s.files {
		closing = append(closing, h.Close())
	}
	all, err := deferred.Await(co, deferred.List(closing, deferred.ConsumeErrors))
	for _, one := range all {
		if err == nil {
			err = one.Err
		}
	}
	return err
}

// drop closes the handles, and waits for nothing.
func (s *striping) drop() {
	s.leave()
	s.stop(nil)
	for _, h := range s.files {
		h.Close().AddErrback(ignore)
	}
}

func ignore(error) (filetransfer.Status, error) { return filetransfer.Status{}, nil }
