// Package webhook signs what receivers are told, as Standard Webhooks (standardwebhooks.com) has it, and posts it: an id that
// is the same for every attempt, the time of the attempt, and HMAC-SHA256 over "id.timestamp.body" in base64 under "v1,", by each
// secret there is.
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
)

// Poster sends a body to an address and gives nil when it was taken; outgoing.Poster is one.
type Poster interface {
	Post(ctx context.Context, address string, header http.Header, body []byte) error
}

// Sender signs and posts. Safe for concurrent use.
type Sender struct {
	Poster  Poster
	Secrets func() [][]byte                               // that receivers may know: while one replaces another, both
	Inject  func(ctx context.Context, header http.Header) // nil, or adds the headers of the trace that ctx is part of
}

// Send makes one attempt.
func (s *Sender) Send(ctx context.Context, address, id string, now time.Time, body []byte) error {
	stamp := now.Unix()
	header := http.Header{
		"Content-Type":      {"application/json"},
		"User-Agent":        {"videosdgx-webhook/1"},
		"Webhook-Id":        {id},
		"Webhook-Timestamp": {strconv.FormatInt(stamp, 10)},
		"Webhook-Signature": {SignAll(s.Secrets(), id, stamp, body)},
	}
	if s.Inject != nil {
		s.Inject(ctx, header)
	}
	return s.Poster.Post(ctx, address, header, body)
}

// SignAll gives the Webhook-Signature header: a signature by each secret, of which receivers need to know one.
func SignAll(secrets [][]byte, id string, timestamp int64, body []byte) string {
	all := make([]string, len(secrets))
	for i, secret := range secrets {
		all[i] = Sign(secret, id, timestamp, body)
	}
	return strings.Join(all, " ")
}

// Sign gives one signature.
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

// ParseSecrets reads one secret, or several with blanks between them, each of which begins with whsec_.
func ParseSecrets(text string) (all [][]byte, err error) {
	words := strings.Fields(text)
	if len(words) < 2 || slices.ContainsFunc(words, func(w string) bool { return !strings.HasPrefix(w, secretPrefix) }) {
		words = []string{text}
	}
	for _, w := range words {
		secret, err := ParseSecret(w)
		if err != nil {
			return nil, err
		}
		all = append(all, secret)
	}
	return all, nil
}

// FormatSecret is a secret as receivers' libraries take it.
func FormatSecret(secret []byte) string {
	return secretPrefix + base64.StdEncoding.EncodeToString(secret)
}

// KeepSecret gives the secrets of a file, which it makes with one where there is none. A file of before, which held the secret's own
// bytes, is written anew with the same secret as receivers' libraries take it.
func KeepSecret(file string) ([][]byte, error) {
	const least = 32
	old, err := os.ReadFile(file)
	text := strings.TrimSpace(string(old))
	if err == nil && strings.HasPrefix(text, secretPrefix) {
		return ParseSecrets(text)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // else another would take its place
		return nil, fmt.Errorf("reading the webhook secret: %w", err)
	}
	secret := old
	if len(secret) < least {
		secret = make([]byte, least)
		_, _ = rand.Read(secret) // never fails: it ends the program instead
	}
	if err := atomicfile.Write(file, []byte(FormatSecret(secret)+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("keeping the webhook secret: %w", err)
	}
	return [][]byte{secret}, nil
}
