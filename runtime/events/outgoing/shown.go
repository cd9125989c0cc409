package outgoing

import (
	"fmt"
	"net/url"

	"github.com/containerd/errdefs"
)

// MaxURL is the longest address that is called, in bytes.
const MaxURL = 2048

// Valid says what keeps a text from being an address to call; the text is not repeated, since it may hold secrets.
func Valid(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Opaque != "" || u.Scheme != "http" && u.Scheme != "https" || len(address) > MaxURL {
		return fmt.Errorf("it is not an http(s) address of at most %d bytes: %w", MaxURL, errdefs.ErrInvalidArgument)
	}
	return nil
}

// Shown is an address as it may be shown and logged: without credentials, query and fragment.
func Shown(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "an address that cannot be read"
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String()
}
