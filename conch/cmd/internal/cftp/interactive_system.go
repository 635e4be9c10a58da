package cftp

import (
	"context"
	"fmt"
	"os"

	"github.com/hawser-go/hawser/conch/cmd/internal/login"
	"github.com/hawser-go/hawser/reactor"
)

// system runs a local command on the terminal, which has its original mode
// meanwhile. Ctrl-C is for the command.
func (d *dialogue) system(ctx context.Context, dir, line string) error {
	if _, err := reactor.Await(ctx, d.r, d.detach); err != nil {
		return err
	}
	d.restore()
	free := ignoreKeys()
	err := d.run(ctx, dir, line)
	free()
	d.restore()
	if _, failed := reactor.Await(context.WithoutCancel(ctx), d.r, d.attach); failed != nil {
		fmt.Fprintln(os.Stderr, d.user.explain(failed)) // and the session ends
		return failed
	}
	return err
}

func (d *dialogue) run(ctx context.Context, dir, line string) error {
	cmd := login.Shell(ctx, line)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	return cmd.Run()
}
