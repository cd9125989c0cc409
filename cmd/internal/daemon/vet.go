package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/prompt"
)

// vet says of which field of a request the text is not taken, and why.
type vet func(ctx context.Context, client string, texts map[string]string) (field, refusal string, err error)

// vet makes what says whether the texts of a request are taken: by the characters, by the list, by who is asked.
func (c Config) vet() (vet, error) {
	policy := prompt.Policy{MaxChars: int(c.PromptChars)}
	if c.DenyList != "" {
		f, err := os.Open(c.DenyList)
		if err != nil {
			return nil, fmt.Errorf("cannot read the list of words: %w", err)
		}
		defer f.Close()
		if err := policy.Deny(f); err != nil {
			return nil, fmt.Errorf("%s: %w", c.DenyList, err)
		}
	}
	ask, err := newModerator(c.Moderation)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, client string, texts map[string]string) (field, refusal string, err error) {
		for _, name := range slices.Sorted(maps.Keys(texts)) {
			if refusal := policy.Check(texts[name]); refusal != "" {
				return name, refusal, nil
			}
		}
		if ask == nil {
			return "", "", nil
		}
		refusal, err = ask.allows(ctx, client, texts)
		return "prompt", refusal, err
	}, nil
}

// moderator is somebody else's program that is asked of every request.
type moderator struct {
	address string
	http    *http.Client
}

const moderationPatience = 10 * time.Second

func newModerator(address string) (*moderator, error) {
	if address == "" {
		return nil, nil //nolint:nilnil // nobody is asked
	}
	if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("moderation is %q: write http://HOST/… or https://HOST/…", address)
	}
	return &moderator{address, &http.Client{Timeout: moderationPatience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// allows gives "" for what is allowed. Unavailable while nobody answers as they should: what was not looked at is not made.
func (m *moderator) allows(ctx context.Context, client string, texts map[string]string) (refusal string, err error) {
	body, err := json.Marshal(map[string]any{"client": client, "texts": texts})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.address, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := m.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("what looks at requests does not answer: try again later: %w", errdefs.ErrUnavailable)
	}
	defer resp.Body.Close()
	var said struct {
		Allow  *bool
		Reason string
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&said); err != nil || resp.StatusCode != http.StatusOK || said.Allow == nil {
		return "", fmt.Errorf("what looks at requests answers with %s and no decision: try again later: %w", resp.Status, errdefs.ErrUnavailable)
	}
	switch {
	case *said.Allow:
		return "", nil
	case said.Reason != "":
		return "is not taken: " + said.Reason, nil
	}
	return "is not taken", nil
}
