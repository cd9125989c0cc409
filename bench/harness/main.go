package harness

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Main is what every program under bench does around its question: it parses the flags, runs until it is done or
// interrupted, and ends the process with status 1 and the error on standard error when it fails. run's own clean-up is
// over by then.
func Main(name string, run func(ctx context.Context) error) {
	flag.Parse()
	turns() // before anything is started that could inherit its descriptors
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench/%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Begin is how a bench begins: a server under test, and a folder of its own. end stops the one, removes the other, and adds
// what fails to err.
func Begin(ctx context.Context, o Options, name string) (s *Server, dir string, end func(err *error), err error) {
	if s, err = Start(ctx, o); err != nil {
		return nil, "", nil, err
	}
	if dir, err = os.MkdirTemp("", "videosdgx-"+name+"-"); err != nil {
		return nil, "", nil, errors.Join(err, s.Stop())
	}
	return s, dir, func(err *error) { *err = errors.Join(*err, s.Stop(), os.RemoveAll(dir)) }, nil
}
