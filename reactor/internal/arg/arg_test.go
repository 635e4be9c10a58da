package arg_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/reactor/internal/arg"
)

func TestF49_NotNil(t *testing.T) {
	var reader io.Reader = (*os.File)(nil)
	for name, v := range map[string]any{"nil": nil, "pointer": reader, "function": (func())(nil), "channel": (chan int)(nil)} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				err, _ := recover().(error)
				if err == nil || !strings.HasPrefix(err.Error(), "task: DeferLater: nil clock") {
					t.Errorf("panic with %v", err)
				}
			}()
			arg.NotNil("task: DeferLater", "clock", v)
		})
	}
	for _, v := range []any{0, "", os.Stdin, func() {}, make(chan int), []byte(nil), struct{}{}} {
		arg.NotNil("task: DeferLater", "clock", v)
	}
}
