package cftp

import "github.com/hawser-go/hawser/conch/sftp"

func (s *Shell) transferOptions() sftp.Options {
	o := sftp.Options{}
	if s.Progress != nil && !s.hideProgress.Load() {
		o.Progress = s.Progress
	}
	return o
}
