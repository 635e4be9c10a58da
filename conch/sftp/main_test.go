package sftp

import (
	"flag"
	"os"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/sshtest"
)

// TestMain runs more parallel tests at a time than there are processors: most of
// their time they wait, except with the race detector. The flag -parallel counts
// more.
func TestMain(m *testing.M) {
	if !sshtest.RaceDetector {
		if err := flag.Set("test.parallel", "4"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
