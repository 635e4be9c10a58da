package agent

import (
	"fmt"
	"math"
	"time"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

// Constraints limit the use of a key that an agent is given (draft-miller-ssh-agent, section 4.2.7). The zero value sets no limit.
type Constraints struct {
	// Lifetime is after how long the agent forgets the key, in whole seconds, fractions being rounded up; 0 means never. It is at most 136
	// years. A negative one is an error.
	Lifetime time.Duration

	// Confirm has the agent ask its user each time the key is used.
	Confirm bool
}

const (
	constrainLifetime = 1
	constrainConfirm  = 2
)

// maxLifetime is what a uint32 of seconds can say.
const maxLifetime = math.MaxUint32 * time.Second

func (c Constraints) encode(e *wire.Encoder) error {
	if c.Lifetime < 0 || c.Lifetime > maxLifetime {
		return fmt.Errorf("%w: %v", ErrLifetime, c.Lifetime)
	}
	if c.Lifetime > 0 {
		e.Uint8(constrainLifetime)
		e.Uint32(uint32((c.Lifetime + time.Second - 1) / time.Second))
	}
	if c.Confirm {
		e.Uint8(constrainConfirm)
	}
	return nil
}

// decodeConstraints reads all that is left, and passes an earlier error of d on. A constraint that is not known, and a lifetime of 0, cannot be kept to and are errors.
func decodeConstraints(d *wire.Decoder) (Constraints, error) {
	var c Constraints
	for d.Len() > 0 {
		switch kind := d.Uint8(); kind {
		case constrainLifetime:
			seconds := d.Uint32()
			if d.Err() == nil && seconds == 0 {
				return c, ErrLifetime
			}
			c.Lifetime = time.Duration(seconds) * time.Second
		case constrainConfirm:
			c.Confirm = true
		default:
			return c, fmt.Errorf("%w: number %d", ErrConstraint, kind)
		}
	}
	if d.Err() != nil {
		return c, malformed(d.Err())
	}
	return c, nil
}
