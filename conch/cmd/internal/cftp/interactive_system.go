package cftp

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/hawser-go/hawser/reactor"
)

// killDelay is how long a local program may run after SIGTERM, when cftp must
// end.
const killDelay = 2 * time.Second

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
	cmd := LocalShell(ctx, line)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = killDelay
	return cmd.Run()
}
