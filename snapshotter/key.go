package snapshotter

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Key says what a snapshot depends on: it may only be restored where every field is the same.
type Key struct {
	Image   string `json:"image"`            // digest of the function's image
	Bundle  string `json:"bundle,omitempty"` // digest of the model bundle
	Mounts  string `json:"mounts,omitempty"` // what the function's read-only mounts show
	Config  string `json:"config"`           // digest of what else the manifest says: command, environment, limits
	Version string `json:"version"`          // of the function: its processes have it in their environment
	Runtime string `json:"runtime"`          // digest of what runs in every instance: init, and the OCI runtime that makes it
	Machine
}

// Machine is the part of a Key that this machine gives.
type Machine struct {
	Kernel string `json:"kernel"`
	CRIU   string `json:"criu"`
	CPU    string `json:"cpu"` // digest of model and feature flags
	GPU    string `json:"gpu,omitempty"`
	Driver string `json:"driver,omitempty"`
}

// Digest is the snapshot's address: the first 32 hexadecimal digits of sha256 over the key's JSON.
func (k Key) Digest() string {
	b, err := json.Marshal(k)
	if err != nil {
		panic(err) // a struct of strings
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:16])
}

// Matches is nil when a snapshot with key want may be restored under k, else a *MismatchError for the first difference.
func (k Key) Matches(want Key) error {
	have, other := reflect.ValueOf(k), reflect.ValueOf(want)
	for _, f := range reflect.VisibleFields(have.Type()) {
		if f.Anonymous {
			continue
		}
		a, b := have.FieldByIndex(f.Index).String(), other.FieldByIndex(f.Index).String()
		if a != b {
			return &MismatchError{Field: strings.ToLower(f.Name), Have: a, Want: b}
		}
	}
	return nil
}

// ThisMachine reads kernel and CPU; CRIU, GPU and driver come from their probes.
func ThisMachine(criu, gpu, driver string) (Machine, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Machine{}, err
	}
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return Machine{}, err
	}
	defer f.Close()
	return Machine{Kernel: unix.ByteSliceToString(u.Release[:]), CRIU: criu, CPU: cpuDigest(f), GPU: gpu, Driver: driver}, nil
}

// cpuDigest covers what instructions a process may have chosen to use: the model and the feature flags of the first core.
func cpuDigest(cpuinfo io.Reader) string {
	h := sha256.New()
	for s := bufio.NewScanner(cpuinfo); s.Scan() && s.Text() != ""; {
		name, value, _ := strings.Cut(s.Text(), ":")
		switch strings.TrimSpace(name) {
		case "model name", "CPU implementer", "CPU part", "flags", "Features":
			words := strings.Fields(value)
			slices.Sort(words)
			io.WriteString(h, strings.Join(words, " ")+"\n")
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
