// Package reactortest has what tests of reactor programs need: a clock that moves when told.
package reactortest
