package outgoing

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestClassify(t *testing.T) {
	for want, texts := range map[reach][]string{
		public: {"93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "1.1.1.1", "100.63.255.255", "172.32.0.1"},
		private: {
			"127.0.0.1", "127.255.0.3", "::1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "198.18.0.1", "192.0.2.1",
			"fd00::1", "fc00::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1",
			"2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::", "2001:0:808:808::80ff:fffe",
			"2606:2800::5efe:127.0.0.1", "2606:2800::200:5efe:10.0.0.1", "0.1.2.3",
		},
		never: {
			"169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%lo", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1", "240.1.1.1",
			"fd00:ec2::254", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "100.100.100.200", "168.63.129.16", "192.0.0.192",
			"::ffff:169.254.169.254", "::169.254.169.254", "::ffff:0:169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::", "2002:a9fe:a9fe::", "2002:a9fe:a9fe::1",
			"2001:0:a9fe:a9fe::", "2001:0:808:808::5601:5601", "2606:2800::5efe:169.254.169.254", "2002:6464:64c8::", "64:ff9b:1::7f00:1", "64:ff9b:1:a00:0:100::", "2001:0:7f00:1::", "64:ff9b::100.100.100.200", "::ffff:168.63.129.16",
		},
	} {
		for _, text := range texts {
			if got := classify(netip.MustParseAddr(text)); got != want {
				t.Errorf("%s is %d, want %d", text, got, want)
			}
		}
	}
}

func TestGuardLists(t *testing.T) {
	g, err := NewGuard("127.0.0.1, 10.0.0.0/8,hooks.lan, 169.0.0.0/8, 0.0.0.0/0, ::/0")
	if err != nil {
		t.Fatal(err)
	}
	for text, host := range map[string]string{"127.0.0.1": "a", "10.9.8.7": "a", "::ffff:10.0.0.1": "a", "192.168.1.1": "Hooks.LAN."} {
		if err := g.Check(host, netip.MustParseAddr(text)); err != nil {
			t.Error(err)
		}
	}
	for _, text := range []string{"169.254.169.254", "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "fe80::1"} {
		if err := g.Check("hooks.lan", netip.MustParseAddr(text)); !errdefs.IsPermissionDenied(err) {
			t.Errorf("%s is let through by a list: %v", text, err)
		}
	}
	none := &Guard{}
	for _, text := range []string{"127.0.0.1", "10.0.0.1", "fd12::1"} {
		if err := none.Check("x", netip.MustParseAddr(text)); err == nil || !strings.Contains(err.Error(), "outgoing setting") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, bad := range []string{"http://x", "169.254.169.254", "a b", "10.0.0.0/99", "*"} {
		if _, err := NewGuard(bad); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestOwnAddressesAreLoopback: the control API is behind this machine's public address as well.
func TestOwnAddressesAreLoopback(t *testing.T) {
	g := &Guard{own: func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("93.184.216.34")} }}
	for _, text := range []string{"93.184.216.34", "::ffff:93.184.216.34", "64:ff9b::93.184.216.34"} {
		if g.Check("x", netip.MustParseAddr(text)) == nil {
			t.Errorf("%s is let through", text)
		}
	}
	if err := g.Check("x", netip.MustParseAddr("93.184.216.35")); err != nil {
		t.Error(err)
	}
}

func poster(t *testing.T, listed string) *Poster {
	t.Helper()
	g, err := NewGuard(listed)
	if err != nil {
		t.Fatal(err)
	}
	return NewPoster(g)
}

func TestPost(t *testing.T) {
	got := make(chan *http.Request, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/gone":
			w.WriteHeader(http.StatusGone)
		default:
			got <- r.Clone(r.Context())
		}
	}))
	defer srv.Close()
	p := poster(t, "127.0.0.1")
	if err := p.Post(t.Context(), srv.URL+"/ok?key=s3cret", http.Header{"Webhook-Id": {"1"}}, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if r := <-got; r.Method != http.MethodPost || r.Header.Get("Webhook-Id") != "1" || r.URL.RawQuery != "key=s3cret" {
		t.Errorf("%+v", r)
	}
	for path, status := range map[string]int{"/moved": 302, "/gone": 410} {
		err := p.Post(t.Context(), srv.URL+path, nil, nil)
		var e *StatusError
		if !errors.As(err, &e) || e.Status != status || len(got) != 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestSecretsStayOut: whatever goes wrong, its error has no credentials and no query.
func TestSecretsStayOut(t *testing.T) {
	p := poster(t, "127.0.0.1,localhost")
	srv := httptest.NewServer(http.NotFoundHandler())
	host := srv.Listener.Addr().String()
	srv.Close()
	for _, address := range []string{
		"http://user:s3cret@" + host + "/x?token=s3cret#s3cret", "http://s3cret.invalid:99999/", "http://[::s3cret]/", "http://user:s3cret@169.254.169.254/?s3cret",
		"http://u:s3cret@nowhere.invalid/?a=s3cret", "http://u:s3cret@h\x7f/", "ftp://u:s3cret@h/", "http://127.0.0.1:1/%zz?s3cret", "https://u:s3cret@" + host + "/?s3cret",
	} {
		err := p.Post(t.Context(), address, nil, nil)
		if err == nil || strings.Contains(strings.ReplaceAll(err.Error(), "s3cret.invalid", ""), "s3cret") {
			t.Errorf("%q: %v", address, err)
		}
	}
	if got := Shown("https://u:p@h.example:8/a/b?q#f"); got != "https://h.example:8/a/b" {
		t.Error(got)
	}
}

// TestNamesAreCheckedAsDialled: what a name resolves to is what counts.
func TestNamesAreCheckedAsDialled(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	_, port, _ := strings.Cut(srv.Listener.Addr().String(), ":")
	for _, host := range []string{"localhost", "127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"} {
		err := poster(t, "").Post(t.Context(), "http://"+host+":"+port+"/", nil, nil)
		if err == nil {
			t.Errorf("%s was called", host)
		}
	}
	if err := poster(t, "localhost").Post(t.Context(), "http://localhost:"+port+"/", nil, nil); err != nil {
		t.Error(err)
	}
}
