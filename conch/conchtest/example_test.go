package conchtest_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/pkg/sftp"

	"github.com/hawser-go/hawser/conch/conchtest"
	gossh "golang.org/x/crypto/ssh"
)

// The server works with any client; in a test NewServer closes it at the end.
func Example() {
	s, err := conchtest.Start(conchtest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	conn, err := gossh.Dial("tcp", s.Addr.String(), &gossh.ClientConfig{
		User:            s.User,
		Auth:            []gossh.AuthMethod{gossh.Password(s.Password)},
		HostKeyCallback: gossh.FixedHostKey(s.HostKey),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	files, err := sftp.NewClient(conn)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer files.Close()
	fmt.Println(files.Mkdir("made"))
	info, err := os.Stat(filepath.Join(s.Dir, "made"))
	fmt.Println(info.IsDir(), err)
	_, err = files.Stat("../../etc")
	fmt.Println(err) // nothing outside of Dir is there
	// Output:
	// <nil>
	// true <nil>
	// file does not exist
}
