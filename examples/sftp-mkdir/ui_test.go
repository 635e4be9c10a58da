package main

import (
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/deferred"
)

// silentUI answers no question.
type silentUI struct{}

func (silentUI) Prompt(string) deferred.Deferred[bool] { return deferred.Succeed(false) }
func (silentUI) Warn(string)                           {}
func (silentUI) ReadLine(string, bool) deferred.Deferred[string] {
	return deferred.Fail[string](client.ErrUnavailable)
}
