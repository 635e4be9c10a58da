package conchtest_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/pkg/sftp"

	"github.com/hawser-go/hawser/conch/conchtest"
	gossh "golang.org/x/crypto/ssh"
)

// Any SSH client can log in, here those of x/crypto and pkg/sftp. In a test,
// call NewServer instead, which closes the server at the end.
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
	fmt.Println(err) // clients cannot leave Dir
	// Output:
	// <nil>
	// true <nil>
	// file does not exist
}
