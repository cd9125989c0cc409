// Package secrets finds what a function must know and nobody else: in files, among systemd's credentials, or in a store that is
// encrypted by age. A manifest says where each is, never what it is.
package secrets

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"filippo.io/age"
	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/atomicfile"
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

// Store is a file of secrets, encrypted for the identity in another.
type Store struct {
	Path     string
	Identity string // file of an age identity; made with the first secret where it is not there
}

func (s Store) identity(make bool) (*age.X25519Identity, error) {
	b, err := os.ReadFile(s.Identity)
	if errors.Is(err, fs.ErrNotExist) && make {
		id, err := age.GenerateX25519Identity()
		if err != nil {
			return nil, err
		}
		return id, atomicfile.Write(s.Identity, []byte(id.String()+"\n"), 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("the key of the secrets cannot be read: %w: %w", err, errdefs.ErrFailedPrecondition)
	}
	for line := range strings.Lines(string(b)) {
		if id, err := age.ParseX25519Identity(strings.TrimSpace(line)); err == nil {
			return id, nil
		}
	}
	return nil, fmt.Errorf("%s is no age identity: %w", s.Identity, errdefs.ErrFailedPrecondition)
}

func (s Store) load(id *age.X25519Identity) (map[string]string, error) {
	all := map[string]string{}
	b, err := os.ReadFile(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the secrets cannot be read: %w: %w", err, errdefs.ErrFailedPrecondition)
	}
	r, err := age.Decrypt(bytes.NewReader(b), id)
	if err == nil {
		b, err = io.ReadAll(r)
	}
	if err != nil || json.Unmarshal(b, &all) != nil {
		return nil, fmt.Errorf("%s cannot be decrypted with %s: %w", s.Path, s.Identity, errdefs.ErrFailedPrecondition)
	}
	return all, nil
}

func (s Store) get(name string) (string, error) {
	id, err := s.identity(false)
	if err != nil {
		return "", err
	}
	all, err := s.load(id)
	if err != nil {
		return "", err
	}
	v, ok := all[name]
	if !ok {
		return "", fmt.Errorf("there is no secret %q in the store: 'videosdgx secrets set %s' makes it: %w", name, name, errdefs.ErrFailedPrecondition)
	}
	return v, nil
}

// List names the secrets of the store.
func (s Store) List() ([]string, error) {
	if _, err := os.Stat(s.Path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	id, err := s.identity(false)
	if err != nil {
		return nil, err
	}
	all, err := s.load(id)
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, err
}

// Set keeps a secret; an empty one takes it away, and NotFound says that there is none.
func (s Store) Set(name, value string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("%.40q is no name of a secret: letters, digits, _ . and -: %w", name, errdefs.ErrInvalidArgument)
	}
	if value != "" {
		if _, err := text("store:"+name, []byte(value)); err != nil {
			return err
		}
	}
	id, err := s.identity(true)
	if err != nil {
		return err
	}
	all, err := s.load(id)
	if err != nil {
		return err
	}
	if value == "" {
		if _, ok := all[name]; !ok {
			return fmt.Errorf("there is no secret %q: %w", name, errdefs.ErrNotFound)
		}
		delete(all, name)
	} else {
		all[name] = value
	}
	plain, err := json.Marshal(all)
	if err != nil {
		return err
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, id.Recipient())
	if err == nil {
		_, err = w.Write(plain)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	return atomicfile.Write(s.Path, sealed.Bytes(), 0o600)
}
