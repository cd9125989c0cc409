package hub

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// linkValue is one link of a Link header (RFC 8288): its target, and its parameters.
var linkValue = regexp.MustCompile(`<([^>]*)>((?:[^,"]|"(?:[^"\\\\]|\\\\.)*")*)`)

// parameter is one of its parameters, quoted or not.
var parameter = regexp.MustCompile(`;\s*([^\s=;]+)\s*=\s*(?:"([^"]*)"|([^\s;,"]*))`)

// isNext says whether the parameters of a link have the relation "next" among those of rel.
func isNext(parameters string) bool {
	for _, p := range parameter.FindAllStringSubmatch(parameters, -1) {
		if strings.EqualFold(p[1], "rel") {
			return slices.Contains(strings.Fields(strings.ToLower(p[2]+p[3])), "next")
		}
	}
	return false
}

// next gives the address of a listing's next page, "" at its end. A mirror passes on links that lead to the endpoint it
// copies: the page is asked of the mirror all the same.
func (c *Client) next(res *http.Response) string {
	for _, m := range linkValue.FindAllStringSubmatch(strings.Join(res.Header.Values("Link"), ", "), -1) {
		if !isNext(m[2]) {
			continue
		}
		target, err := url.Parse(m[1])
		if err != nil {
			return ""
		}
		return c.here(res.Request.URL.ResolveReference(target))
	}
	return ""
}

// here moves an address of the API to this endpoint.
func (c *Client) here(to *url.URL) string {
	if s := to.String(); strings.HasPrefix(s, c.endpoint()+"/") {
		return s
	}
	p := to.EscapedPath()
	if at := strings.Index(p, "/api/"); at >= 0 {
		p = p[at:]
	}
	s := c.endpoint() + p
	if to.RawQuery != "" {
		s += "?" + to.RawQuery
	}
	return s
}
