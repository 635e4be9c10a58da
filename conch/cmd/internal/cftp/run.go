package cftp

import (
	"context"
	"fmt"
	"strings"
)

func (s *Shell) run(ctx context.Context, line string) error {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil
	}
	switch strings.ToLower(words[0]) {
	case "pwd":
		fmt.Fprintf(s.Out, "Remote working directory: %s\n", s.remote)
	case "lpwd":
		fmt.Fprintf(s.Out, "Local working directory: %s\n", s.local)
	case "exit", "quit", "bye":
		return errQuit
	case "ls":
		entries, err := s.files.ReadDir(ctx, s.remote)
		if err != nil {
			fmt.Fprintln(s.Err, err)
			return err
		}
		for _, e := range entries {
			fmt.Fprintln(s.Out, e.Name())
		}
	case "get":
		_, err := s.files.Get(ctx, s.remotePath(words[1]), s.local+"/"+words[1], s.transferOptions())
		return err
	default:
		fmt.Fprintln(s.Err, "Invalid command.")
		return fmt.Errorf("cftp: invalid command")
	}
	return nil
}
