// Package secrets finds what a function must know and nobody else: in files, among systemd's credentials, or in a store that is
// encrypted by age. A manifest says where each is, never what it is.
package secrets

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/containerd/errdefs"
)

// Source is where secrets are.
type Source struct {
	Roots       []string // folders below which file: may name files
	Credentials string   // systemd's folder, CREDENTIALS_DIRECTORY; "": there is none
	Store       Store
}

// maxSecret bounds one, in bytes: it is an environment variable.
const maxSecret = 64 << 10

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// Check says what is wrong with a reference: file:/ABSOLUTE/PATH, credential:NAME or store:NAME.
func Check(ref string) error {
	kind, name, _ := strings.Cut(ref, ":")
	switch {
	case kind == "file" && filepath.IsAbs(name) && filepath.Clean(name) == name:
		return nil
	case (kind == "credential" || kind == "store") && nameForm.MatchString(name):
		return nil
	}
	return fmt.Errorf("write where the secret is, as file:/ABSOLUTE/PATH, credential:NAME of systemd, or store:NAME of 'videosdgx secrets set': %w", errdefs.ErrInvalidArgument)
}

// Get gives what a reference stands for, without the line end that files end with. Its errors name no more than the reference.
func (s Source) Get(ref string) (string, error) {
	if err := Check(ref); err != nil {
		return "", err
	}
	kind, name, _ := strings.Cut(ref, ":")
	var b []byte
	var err error
	switch kind {
	case "file":
		if name, err = s.below(name); err == nil {
			b, err = read(name)
		}
	case "credential":
		if s.Credentials == "" {
			return "", fmt.Errorf("%s: the server runs without systemd's credentials: set LoadCredential= in its unit: %w", ref, errdefs.ErrFailedPrecondition)
		}
		b, err = read(filepath.Join(s.Credentials, name))
	default:
		return s.Store.get(name)
	}
	if err != nil {
		return "", fmt.Errorf("the secret %s cannot be had: %w: %w", ref, err, errdefs.ErrFailedPrecondition)
	}
	return text(ref, b)
}

// below resolves a file's name, and refuses one that lies, or leads, elsewhere: whoever deploys functions chooses it.
func (s Source) below(name string) (string, error) {
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", err
	}
	for _, root := range s.Roots {
		if root, err := filepath.EvalSymlinks(root); err == nil && strings.HasPrefix(real, strings.TrimSuffix(root, "/")+"/") {
			return real, nil
		}
	}
	return "", fmt.Errorf("it does not lie in %s: put it there, or name its folder in secretsDir", strings.Join(s.Roots, " or "))
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSecret+1))
}

func text(ref string, b []byte) (string, error) {
	b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
	switch {
	case len(b) == 0:
		return "", fmt.Errorf("the secret %s is empty: %w", ref, errdefs.ErrFailedPrecondition)
	case len(b) > maxSecret:
		return "", fmt.Errorf("the secret %s has more than %d bytes: %w", ref, maxSecret, errdefs.ErrFailedPrecondition)
	case bytes.IndexByte(b, 0) >= 0:
		return "", fmt.Errorf("the secret %s has a byte of zero, which no variable can have: %w", ref, errdefs.ErrFailedPrecondition)
	}
	return string(b), nil
}

// Of gives the variables of a function.
func (s Source) Of(refs map[string]string) (map[string]string, error) {
	out := make(map[string]string, len(refs))
	for name, ref := range refs {
		v, err := s.Get(ref)
		if err != nil {
			return nil, fmt.Errorf("secrets.%s: %w", name, err)
		}
		out[name] = v
	}
	return out, nil
}
