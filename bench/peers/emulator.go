package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// emulator is AWS's own: one function, started once, without a container.
func (b *bench) emulator(ctx context.Context) (*contender, error) {
	tool, err := exec.LookPath("aws-lambda-rie")
	if err != nil {
		b.report.Note("aws-lambda-rie: left out, it is not on the PATH")
		return nil, nil
	}
	public, internal, err := twoPorts()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(tool, "--runtime-interface-emulator-address", public, "--runtime-api-address", internal, b.echo.Program())
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := (&harness.Server{URL: "http://" + public}).InvokeAPI("function", 1)
	e := &contender{
		warmName: "rie_warm",
		call:     func(ctx context.Context) error { _, err := c.Call(ctx, []byte("{}")); return err },
		end: func(context.Context) error {
			c.Close()
			cmd.Process.Kill()
			cmd.Wait()
			return nil
		},
	}
	if err := awaitPort(ctx, public); err != nil {
		return nil, errors.Join(err, e.end(ctx))
	}
	return e, nil
}

// twoPorts are free at this moment.
func twoPorts() (a, b string, err error) {
	x, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer x.Close()
	y, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer y.Close()
	return x.Addr().String(), y.Addr().String(), nil
}

func awaitPort(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nobody listens on %s: %w", addr, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
