package agent

const (
	MaxMessage = maxMessage
	MaxQueued  = maxQueued
)

var ErrQueueFull = errQueueFull
