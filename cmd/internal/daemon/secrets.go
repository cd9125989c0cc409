package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/videosdgx/videosdgx/runtime/secrets"
)

// Secrets is where the secrets of functions are.
func (c Config) Secrets() secrets.Source {
	return secrets.Source{
		Roots: append(filepath.SplitList(c.SecretsDir), "/run/secrets"), Credentials: os.Getenv("CREDENTIALS_DIRECTORY"),
		Store: secrets.Store{Path: filepath.Join(c.Data, "secrets.age"), Identity: c.SecretsKey},
	}
}

// resolve reads the settings that are secrets from where they say that they are: file:/PATH or credential:NAME, so that they
// stand in no unit, command line or configuration.
func (c *Config) resolve() error {
	from := secrets.Source{Roots: []string{"/"}, Credentials: os.Getenv("CREDENTIALS_DIRECTORY")}
	var errs []error
	for name, v := range map[string]*string{"webhookSecret": &c.WebhookSecret, "secretKey": &c.SecretKey, "traceHeaders": &c.TraceHeaders} {
		if !strings.HasPrefix(*v, "file:") && !strings.HasPrefix(*v, "credential:") {
			continue
		}
		value, err := from.Get(*v)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		*v = value
	}
	return errors.Join(errs...)
}
