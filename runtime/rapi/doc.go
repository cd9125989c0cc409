// Package rapi is the Lambda Runtime API, version 2018-06-01, with the Extensions API 2020-01-01 and two endpoints of our
// own (progress, cancellation): one file per endpoint. It knows nothing of the control plane: events come in through
// Submit, and what the function answers goes to each event's Sink. Standard library only, since it is part of PID 1.
//
// The goroutine that brings an event writes it to the function's waiting poll itself, and the goroutine that reads the
// function's answer writes it to the Sink itself: no hand-over in between. That is most of what makes a warm call cheap.
package rapi
