package pysource_test

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/cmd/internal/pysource"
)

func ExampleParse() {
	m, err := pysource.Parse(`
from twisted.internet import defer as d

def f(log):
    return d.succeed(log)

class Echo(d.Deferred):
    def cancel(self): pass
`, "example", false)
	if err != nil {
		panic(err)
	}
	for _, u := range m.Uses {
		fmt.Println(u.Line, u.Names, u.From)
	}
	for _, c := range m.Classes {
		fmt.Println(c.Name, c.Members)
	}
	// Output:
	// 5 [d succeed] [twisted.internet.defer]
	// 5 [log] []
	// 7 [d Deferred] [twisted.internet.defer]
	// Echo [{8 cancel true}]
}
