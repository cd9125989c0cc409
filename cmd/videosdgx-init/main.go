// Command videosdgx-init is PID 1 of every instance: it serves the Lambda Runtime API to the image's command and one
// socket to the control plane. Standard library only, static. As `videosdgx-init loopback-hook` it is an OCI hook.
package main

import (
	"os"

	"github.com/videosdgx/videosdgx/runtime/guest"
	"github.com/videosdgx/videosdgx/runtime/guest/loopback"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == loopback.Hook {
		os.Exit(loopback.RunHook(os.Stdin))
	}
	os.Exit(guest.Main(os.Args[1:]))
}
