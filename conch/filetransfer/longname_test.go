package filetransfer

import (
	"testing"
	"time"
)

// V-SFTP-17, C-SFTPSRV-14: long names are those of OpenSSH's server.
func TestLongname(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		mode uint32
		size uint64
		when time.Time
		info LongnameInfo
		want string
	}{
		{"suid", 0o104755, 0, time.Date(2026, 5, 29, 1, 2, 3, 0, time.UTC), LongnameInfo{Links: 1, User: "root", Group: "root"}, "-rwsr-xr-x    1 root     root            0 May 29  2026 suid"},
		{"f", 0o100644, 12, now.Add(-time.Hour), LongnameInfo{}, "-rw-r--r--    1 1000     100            12 Nov 29 11:00 f"},
		{"d", 0o041777, 4096, now.Add(-182 * 24 * time.Hour), LongnameInfo{Links: 1234, User: "longer-name"}, "drwxrwxrwt  1234 longer-name 100          4096 May 31 12:00 d"},
		{"old", 0o100600, 1, now.Add(-183 * 24 * time.Hour), LongnameInfo{}, "-rw-------    1 1000     100             1 May 30  2026 old"},
		{"future", 0o100600, 1, now.Add(time.Second), LongnameInfo{}, "-rw-------    1 1000     100             1 Nov 29  2026 future"},
		{"now", 0o100600, 1, now, LongnameInfo{}, "-rw-------    1 1000     100             1 Nov 29 12:00 now"},
		{"day", 0o100600, 1, time.Date(2020, 3, 4, 0, 0, 0, 0, time.UTC), LongnameInfo{}, "-rw-------    1 1000     100             1 Mar  4  2020 day"},
		{"l", 0o120777, 1, now, LongnameInfo{}, "lrwxrwxrwx    1 1000     100             1 Nov 29 12:00 l"},
		{"p", 0o010000, 1, now, LongnameInfo{}, "p---------    1 1000     100             1 Nov 29 12:00 p"},
		{"s", 0o147000, 1, now, LongnameInfo{}, "s--S--S--T    1 1000     100             1 Nov 29 12:00 s"},
		{"g", 0o062010, 1, now, LongnameInfo{}, "b-----s---    1 1000     100             1 Nov 29 12:00 g"},
		{"c", 0o020001, 1 << 63, now, LongnameInfo{}, "c--------x    1 1000     100      9223372036854775808 Nov 29 12:00 c"},
		{"?", 0o000644, 1, now, LongnameInfo{}, "?rw-r--r--    1 1000     100             1 Nov 29 12:00 ?"},
	} {
		tt.info.Now = now
		attrs := Attrs{Flags: AttrPermissions, Permissions: tt.mode}.WithSize(tt.size).WithOwner(1000, 100).WithTimes(tt.when, tt.when)
		if got := Longname(tt.name, attrs, tt.info); got != tt.want {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
	}
}
