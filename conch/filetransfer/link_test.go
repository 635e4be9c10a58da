package filetransfer

import "testing"

// F13: the order of the paths depends on the server's version line, unless
// LinkOrder is set.
func TestF13_LinkOrder(t *testing.T) {
	const openSSH, draft = "\x00\x00\x00\x01t\x00\x00\x00\x01l", "\x00\x00\x00\x01l\x00\x00\x00\x01t"
	for _, tt := range []struct {
		version string
		order   LinkOrder
		want    string
	}{
		{"", LinkOrderAuto, openSSH},
		{"SSH-2.0-OpenSSH_9.9 Twisted", LinkOrderAuto, openSSH},
		{"SSH-2.0-mod_sftp", LinkOrderAuto, openSSH},
		{"SSH-2.0-Twisted", LinkOrderAuto, draft},
		{"SSH-2.0-Twisted_22.4.0", LinkOrderAuto, draft},
		{"SSH-2.0-AsyncSSH_2.21.0", LinkOrderAuto, draft},
		{"SSH-2.0-ssh2js1.17.0srv", LinkOrderAuto, draft},
		{"SSH-2.0-AsyncSSH_2.21.0", LinkOrderOpenSSH, openSSH},
		{"SSH-2.0-OpenSSH_9.9", LinkOrderDraft, draft},
	} {
		c, m := connected(t)
		c.SSHVersion, c.LinkOrder = tt.version, tt.order
		watch(c.MakeLink("l", "t"))
		if got := string(m.last()[headerSize-lengthSize:]); got != tt.want {
			t.Errorf("%q, order %d: sent %q, want %q", tt.version, tt.order, got, tt.want)
		}
	}
}
