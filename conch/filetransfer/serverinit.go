package filetransfer

import (
	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/conch/internal/wire"
)

// initReceived answers SSH_FXP_INIT, whatever its version.
func (s *FileTransferServer) initReceived(c *call, d *wire.Decoder) error {
	defer c.drop()
	version := d.Uint32()
	if d.Err() != nil {
		return d.Err()
	}
	if !s.greeted {
		s.greeted = true
		var extensions []Extension
		for d.Len() > 0 {
			x := Extension{d.String(), d.String()}
			if d.Err() == nil { // malformed extensions are ignored, as OpenSSH ignores all
				extensions = append(extensions, x)
			}
		}
		err := hook.Call(func() { s.announces = s.announced(s.server.GotVersion(min(version, protocolVersion), extensions)) })
		if err != nil {
			hook.Log(s.log(), "GotVersion", err)
			return err
		}
	}
	e := s.begin(fxpVersion)
	e.Uint32(protocolVersion)
	for _, x := range s.announces {
		e.String(x.Name)
		e.String(x.Data)
	}
	s.end(e)
	return nil
}
