package guest

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

// defaultDir is where drivers with a mount namespace put the instance's folder.
const defaultDir = "/run/videosdgx"

// Main runs videosdgx-init with its arguments, without the program's name, and returns its exit status: the function's,
// 128+n when signal n ended it, or 125 when init itself could not start.
func Main(args []string) int {
	// Init only passes bytes on: more threads would spin for work that is not there.
	runtime.GOMAXPROCS(1)
	// The function's parent-death signal is tied to the thread that starts it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dir, command, err := parse(args)
	if err != nil {
		return complain(err)
	}
	cfg, err := wire.LoadConfig(dir)
	if err != nil {
		return complain(err)
	}
	g, err := start(cfg, dir, command)
	if err != nil {
		return complain(err)
	}
	return g.run()
}

const statusInit = 125

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "videosdgx-init:", err)
	return statusInit
}

func parse(args []string) (dir string, command []string, err error) {
	fs := flag.NewFlagSet("videosdgx-init", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&dir, "dir", defaultDir, "folder with "+wire.ConfigFile)
	if err := fs.Parse(args); err != nil {
		return "", nil, fmt.Errorf("%w; usage: videosdgx-init [-dir DIR] -- command args…", err)
	}
	if fs.NArg() == 0 {
		return "", nil, errors.New("no command to run; give it after --: videosdgx-init [-dir DIR] -- command args…")
	}
	return dir, fs.Args(), nil
}
