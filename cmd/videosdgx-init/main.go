// Command videosdgx-init is PID 1 of every instance: it serves the Lambda Runtime API to the image's command and one
// socket to the control plane. Standard library only, static.
package main

import (
	"os"

	"github.com/videosdgx/videosdgx/runtime/guest"
)

func main() { os.Exit(guest.Main(os.Args[1:])) }
