package recvline_test

import "os"

// long is set if tests that have a short and a long form run the long one.
var long = os.Getenv("HAWSER_LONG") != ""
