package sftp

import (
	"flag"
	"os"
	"testing"
)

// TestMain runs more parallel tests at a time than there are processors: most of
// their time they wait. The flag -parallel counts more.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
