package outgoing

import (
	"maps"
	"net/http"
	"net/url"
	"os"
)

// NewClient makes a client for one host that somebody who may choose it has named, such as an image's registry: it may be
// on private addresses, and so may a proxy of the environment. Where it points to, by a redirect or as the issuer of its
// tokens, is the guard's matter as everywhere. The caller ends it with CloseIdleConnections.
func NewClient(g *Guard, host string) *http.Client {
	named := &Guard{listed: g.listed, names: maps.Clone(g.names), own: g.own}
	if named.names == nil {
		named.names = map[string]bool{}
	}
	for _, h := range append(proxies(), host) {
		named.names[canonical(h)] = true
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = named.DialContext
	return &http.Client{Transport: plainly{t}}
}

// proxies are the hosts that the environment has requests go through.
func proxies() (hosts []string) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		text := os.Getenv(name)
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			u, err = url.Parse("http://" + text)
		}
		if err == nil && u.Hostname() != "" {
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}
