package hub

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"
)

// maxPages bounds a listing whose pages lead in a circle.
const maxPages = 1000

// List gives every file of a commit.
func (c *Client) List(ctx context.Context, repo, commit string) ([]Entry, error) {
	var all []Entry
	url := c.endpoint() + "/api/models/" + escape(repo) + "/tree/" + commit + "?recursive=1"
	for page := 0; url != ""; page++ {
		if page == maxPages {
			return nil, fmt.Errorf("the listing of %s does not end: %w", repo, errdefs.ErrDataLoss)
		}
		entries, next, err := c.page(ctx, url, repo)
		if err != nil {
			return nil, err
		}
		all, url = append(all, entries...), next
	}
	return all, nil
}

func (c *Client) page(ctx context.Context, url, repo string) ([]Entry, string, error) {
	res, err := c.get(ctx, url, nil)
	if err != nil {
		return nil, "", err
	}
	if res.StatusCode != http.StatusOK {
		return nil, "", c.status(res, repo)
	}
	defer res.Body.Close()
	var list []struct {
		Type, Path, OID string
		Size            int64
		LFS             *struct {
			OID  string
			Size int64
		}
	}
	if err := c.decode(res, "the listing of "+repo, &list); err != nil {
		return nil, "", err
	}
	var out []Entry
	for _, f := range list {
		if f.Type != "file" {
			continue
		}
		if !filepath.IsLocal(f.Path) || strings.Contains(f.Path, `\`) {
			return nil, "", fmt.Errorf("%s lists a file %q that would lie outside its folder: %w", repo, f.Path, errdefs.ErrDataLoss)
		}
		e := Entry{Path: f.Path, Size: f.Size, Git: f.OID}
		if f.LFS != nil {
			e = Entry{Path: f.Path, Size: f.LFS.Size, SHA256: strings.TrimPrefix(f.LFS.OID, "sha256:")}
		}
		if e.SHA256 == "" && !isHex(e.Git, 40) || e.SHA256 != "" && !isHex(e.SHA256, 64) {
			return nil, "", fmt.Errorf("%s gives no digest for %s: %w", repo, f.Path, errdefs.ErrDataLoss)
		}
		out = append(out, e)
	}
	return out, c.next(res), nil
}
