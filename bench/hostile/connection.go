package main

import (
	"context"
	"fmt"
	"io"
	"net"
)

// said writes a request to a connection and wants a status back.
func said(ctx context.Context, c net.Conn, request, want string) error {
	if at, ok := ctx.Deadline(); ok {
		c.SetDeadline(at)
	}
	if _, err := io.WriteString(c, request); err != nil {
		return err
	}
	b := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(c, b); err != nil {
		return err
	}
	if got := string(b[len(b)-3:]); got != want {
		return fmt.Errorf("answered with %s, want %s", got, want)
	}
	return nil
}
