// Package webhook signs what receivers are told, as Standard Webhooks (standardwebhooks.com) has it, and posts it: an id that
// is the same for every attempt, the time of the attempt, and HMAC-SHA256 over "id.timestamp.body" in base64 under "v1,".
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/atomicfile"
)

// Poster sends a body to an address and gives nil when it was taken; outgoing.Poster is one.
type Poster interface {
	Post(ctx context.Context, address string, header http.Header, body []byte) error
}

// Sender signs and posts. Safe for concurrent use.
type Sender struct {
	Poster Poster
	Secret []byte
	Inject func(ctx context.Context, header http.Header) // nil, or adds the headers of the trace that ctx is part of
}

// Send makes one attempt.
func (s *Sender) Send(ctx context.Context, address, id string, now time.Time, body []byte) error {
	stamp := now.Unix()
	header := http.Header{
		"Content-Type":      {"application/json"},
		"User-Agent":        {"videosdgx-webhook/1"},
		"Webhook-Id":        {id},
		"Webhook-Timestamp": {strconv.FormatInt(stamp, 10)},
		"Webhook-Signature": {Sign(s.Secret, id, stamp, body)},
	}
	if s.Inject != nil {
		s.Inject(ctx, header)
	}
	return s.Poster.Post(ctx, address, header, body)
}

// Sign gives the Webhook-Signature header.
func Sign(secret []byte, id string, timestamp int64, body []byte) string {
	m := hmac.New(sha256.New, secret)
	fmt.Fprintf(m, "%s.%d.%s", id, timestamp, body)
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// secretPrefix marks a secret in base64, which is the form that the libraries of Standard Webhooks take.
const secretPrefix = "whsec_"

// ParseSecret reads a secret: base64 after whsec_, else the text's own bytes.
func ParseSecret(text string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	if !ok {
		return []byte(text), nil
	}
	b, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("the webhook secret begins with %s and is not base64 after it: write %s and the secret in standard base64: %w", secretPrefix, secretPrefix, errdefs.ErrInvalidArgument)
	}
	return b, nil
}

// FormatSecret is a secret as receivers' libraries take it.
func FormatSecret(secret []byte) string {
	return secretPrefix + base64.StdEncoding.EncodeToString(secret)
}

// KeepSecret gives the secret of a file, which it makes where there is none. A file of before, which held the secret's own
// bytes, is written anew with the same secret as receivers' libraries take it.
func KeepSecret(file string) ([]byte, error) {
	const least = 32
	old, err := os.ReadFile(file)
	text := strings.TrimSpace(string(old))
	if err == nil && strings.HasPrefix(text, secretPrefix) {
		return ParseSecret(text)
	}
	secret := old
	if len(secret) < least {
		secret = make([]byte, least)
		_, _ = rand.Read(secret) // never fails: it ends the program instead
	}
	if err := atomicfile.Write(file, []byte(FormatSecret(secret)+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("keeping the webhook secret: %w", err)
	}
	return secret, nil
}
