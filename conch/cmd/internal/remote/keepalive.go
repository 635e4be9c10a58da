package remote

import (
	"errors"

	"github.com/hawser-go/hawser/conch"
)

// keepAlive asks the server for a sign of life, unless ServerAliveInterval says
// how to do that.
func (j *job) keepAlive() {
	if j.IsSet("ServerAliveInterval") || j.Target.Options.ServerAliveInterval > 0 {
		return
	}
	conn := j.conn
	j.alive = j.r.CallLater(or(j.times.aliveEvery, aliveEvery), func() {
		j.alive = j.r.CallLater(or(j.times.aliveWithin, aliveWithin), func() { conn.Transport().AbortBecause(conch.ErrPeerSilent) })
		conn.SendGlobalRequest("keepalive@openssh.com", nil, true).OnResult(func(_ []byte, err error) {
			if errors.Is(err, conch.ErrConnectionLost) {
				return
			}
			j.stopAlive()
			j.keepAlive()
		})
	})
}

func (j *job) stopAlive() {
	if j.alive != nil && j.alive.Active() {
		_ = j.alive.Cancel() // it is active
	}
}
