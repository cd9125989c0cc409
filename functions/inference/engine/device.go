package engine

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
)

// Kind is a kind of device, by the name that bundles, manifests and people use.
type Kind string

// The kinds of device.
const (
	CPU  Kind = "cpu"
	CUDA Kind = "cuda"
)

// Device is where graphs run and values lie. The zero value is the CPU.
type Device struct {
	Kind  Kind
	Index int // among the devices of its kind, from 0
}

// Host says whether this is the CPU's memory.
func (d Device) Host() bool { return d.Kind == "" || d.Kind == CPU }

// String is "cpu" or such as "cuda:0".
func (d Device) String() string {
	if d.Host() {
		return string(CPU)
	}
	return fmt.Sprintf("%s:%d", d.Kind, d.Index)
}

// ParseDevice reads "cpu", "cuda" or "cuda:1". The empty string is the CPU.
func ParseDevice(s string) (Device, error) {
	kind, index, numbered := strings.Cut(s, ":")
	d := Device{Kind: Kind(kind)}
	if numbered {
		n, err := strconv.Atoi(index)
		if err != nil || n < 0 {
			return Device{}, unknown(s)
		}
		d.Index = n
	}
	switch {
	case d.Host() && !numbered:
		return Device{}, nil
	case d.Kind != CUDA:
		return Device{}, unknown(s)
	}
	return d, nil
}

func unknown(s string) error {
	return fmt.Errorf("device %q is not known: cpu, cuda or cuda:1 would do: %w", s, errdefs.ErrInvalidArgument)
}
