package harness

import (
	"context"
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
