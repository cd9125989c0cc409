// Command videosdgx is the one binary of VideosDGX: the server and every client command.
package main

import (
	"os"

	"github.com/videosdgx/videosdgx/cmd/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
