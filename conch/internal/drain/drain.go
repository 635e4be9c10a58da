// Package drain has a producer for a consumer that may stop before the data ends.
package drain

import "github.com/hawser-go/hawser/reactor"

// Producer passes the pauses of one consumer to From. When the consumer takes no
// more data, From continues: its data is then read and dropped, because other
// events may follow it. Several Producers may have the same From. The methods
// belong to the loop.
type Producer struct {
	From   reactor.PushProducer
	paused bool
}

// PauseProducing makes From wait.
func (p *Producer) PauseProducing() {
	if !p.paused {
		p.paused = true
		p.From.PauseProducing()
	}
}

// ResumeProducing lets From continue.
func (p *Producer) ResumeProducing() {
	if p.paused {
		p.paused = false
		p.From.ResumeProducing()
	}
}

// StopProducing lets From continue, and does not stop it.
func (p *Producer) StopProducing() { p.ResumeProducing() }
