package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// emulator is AWS's own: one function, started once, without a container. A second one has a function that gives large
// events back unread.
func (b *bench) emulator(ctx context.Context) (*contender, error) {
	tool, err := exec.LookPath("aws-lambda-rie")
	if err != nil {
		b.report.Note("aws-lambda-rie: left out, it is not on the PATH")
		return nil, nil
	}
	call, end, err := b.emulate(ctx, tool)
	if err != nil {
		return nil, err
	}
	raw, endRaw, err := b.emulate(ctx, tool, "ECHO_RAW=1")
	if err != nil {
		end()
		return nil, err
	}
	return &contender{
		warmName: "rie_warm", largeName: "rie_event_5mb", call: call, raw: raw,
		end: func(context.Context) error { end(); endRaw(); return nil },
	}, nil
}

// emulate starts one emulator.
func (b *bench) emulate(ctx context.Context, tool string, env ...string) (call caller, end func(), err error) {
	public, internal, err := twoPorts()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(tool, "--runtime-interface-emulator-address", public, "--runtime-api-address", internal, b.echo.Program())
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	c := (&harness.Server{URL: "http://" + public}).InvokeAPI("function", 1)
	end = func() { c.Close(); cmd.Process.Kill(); cmd.Wait() }
	if err := awaitPort(ctx, public); err != nil {
		end()
		return nil, nil, err
	}
	return func(ctx context.Context, event []byte) error { _, err := c.Call(ctx, event); return err }, end, nil
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
