package access

import (
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/limits"
)

// Rate bounds what each client asks for: by its name where the server knows it, else by its address.
type Rate struct {
	PerMinute int // 0: no limit
	Rates     *limits.Rates
}

// admit counts a request, tells its client what is left (RateLimit and RateLimit-Policy, draft-ietf-httpapi-ratelimit-headers),
// and answers 429 when nothing is. The socket's users are not counted.
func (a *Access) admit(w http.ResponseWriter, r *http.Request, p *auth.Principal) bool {
	if a.Rate.PerMinute <= 0 || p != nil && p.Kind == auth.BySocket {
		return true
	}
	left := a.Rate.Rates.Take(whose(r, p), a.Rate.PerMinute)
	h := w.Header()
	h.Set("RateLimit-Policy", fmt.Sprintf(`"client";q=%d;w=60`, left.Limit))
	h.Set("RateLimit", fmt.Sprintf(`"client";r=%d;t=%d`, left.Remaining, whole(left.Full)))
	if left.OK {
		return true
	}
	gateway.Refuse(w, r, gateway.Problem{Status: http.StatusTooManyRequests, Type: "TooManyRequestsException", Reason: "CallerRateLimitExceeded", RetryAfter: left.Retry,
		Message: fmt.Sprintf("a client may send %d requests a minute here: wait %d s", left.Limit, whole(left.Retry))})
	return false
}

func whole(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

func whose(r *http.Request, p *auth.Principal) string {
	if p != nil {
		return "client " + p.Client()
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().Is6() {
		net, _ := ip.WithZone("").Prefix(64) // of a valid address: cannot fail
		host = net.String()                  // one household, not one of its 2^64 addresses
	}
	return "from " + host
}
