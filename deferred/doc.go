// Package deferred is results that arrive later: Twisted's Deferred for Go.
package deferred
