package main

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// transfer makes the directory, then lists its parent directory.
func transfer(client *filetransfer.FileTransferClient, dir string) deferred.Deferred[struct{}] {
	d := client.MakeDirectory(dir, filetransfer.Attrs{}).AddErrbackDeferred(func(err error) deferred.Deferred[filetransfer.Status] {
		return explain(client, dir, err)
	})
	made := deferred.ThenDeferred(d, func(filetransfer.Status) deferred.Deferred[string] {
		say("MakeDirectory", "the server has made %s", dir)
		fmt.Println("Made directory")
		return client.RealPath(path.Dir(dir))
	})
	return deferred.ThenDeferred(made, func(parent string) deferred.Deferred[struct{}] { return list(client, parent) })
}

// explain adds to err that the name exists already. SFTP version 3 has no
// status code for that error, and servers report a "Failure".
func explain(client *filetransfer.FileTransferClient, dir string, err error) deferred.Deferred[filetransfer.Status] {
	return deferred.ThenBoth(client.GetAttrs(dir, false), func(_ filetransfer.Attrs, statErr error) (filetransfer.Status, error) {
		if statErr == nil {
			err = fmt.Errorf("%s exists already (%w)", dir, err)
		}
		return filetransfer.Status{}, err
	})
}

func list(client *filetransfer.FileTransferClient, name string) deferred.Deferred[struct{}] {
	return deferred.ThenDeferred(client.OpenDirectory(name), func(dir *filetransfer.ClientDirectory) deferred.Deferred[struct{}] {
		return deferred.ThenBothDeferred(dir.ReadAll(), func(entries []filetransfer.Entry, err error) deferred.Deferred[struct{}] {
			fmt.Printf("%s:\n", name)
			slices.SortFunc(entries, func(a, b filetransfer.Entry) int { return strings.Compare(a.Filename, b.Filename) })
			for _, e := range entries {
				fmt.Printf("  %s\n", e.Longname())
			}
			return deferred.Then(dir.Close(), func(filetransfer.Status) (struct{}, error) { return struct{}{}, err })
		})
	})
}

// say prints one line about a step of the program.
func say(step, format string, args ...any) {
	fmt.Fprintf(os.Stdout, "%-16s %s\n", step, fmt.Sprintf(format, args...))
}
