package lambda

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// skew is how far a request's date may lie from now, as at AWS.
const skew = 15 * time.Minute

// signature is what an Authorization header of AWS Signature Version 4 says, or the query of a presigned URL.
type signature struct {
	Key, Date, Region, Service string
	At                         string        // when it was made, as X-Amz-Date has it
	Expires                    time.Duration // of a presigned URL; 0: a header
	Signed                     []string      // names of the signed headers, lower case
	Sum                        string        // hex
}

// maxExpires is the longest that a presigned URL may be good for, as at AWS.
const maxExpires = 7 * 24 * time.Hour

// signatureOf reads a request's signature, wherever it has it.
func signatureOf(r *http.Request) (signature, error) {
	if q := r.URL.Query(); r.Header.Get("Authorization") == "" && q.Has("X-Amz-Signature") {
		return presigned(q)
	}
	sig, err := parseAuthorization(r.Header.Get("Authorization"))
	sig.At = r.Header.Get("X-Amz-Date")
	return sig, err
}

// lower puts the headers that a presigned URL carries in its query, as SDKs write them, where they belong.
func lower(r *http.Request) {
	if r.URL.RawQuery == "" {
		return
	}
	q := r.URL.Query()
	if !q.Has("X-Amz-Signature") {
		return
	}
	for k, v := range q {
		if name := http.CanonicalHeaderKey(k); strings.HasPrefix(name, "X-Amz-") && r.Header.Get(name) == "" {
			r.Header[name] = v
		}
	}
}

// presigned reads the signature that a URL carries in its query.
func presigned(q url.Values) (signature, error) {
	sig := signature{At: q.Get("X-Amz-Date"), Signed: strings.Split(q.Get("X-Amz-SignedHeaders"), ";"), Sum: q.Get("X-Amz-Signature")}
	seconds, err := strconv.ParseInt(q.Get("X-Amz-Expires"), 10, 32)
	sig.Expires = time.Duration(seconds) * time.Second
	if err != nil || sig.Expires <= 0 || sig.Expires > maxExpires {
		return sig, refuse("IncompleteSignatureException", "X-Amz-Expires must be 1 to 604800 seconds")
	}
	if q.Get("X-Amz-Algorithm") != algorithm || len(sig.Sum) != 2*sha256.Size {
		return sig, refuse("IncompleteSignatureException", "the URL's X-Amz-Algorithm or X-Amz-Signature is not one of AWS Signature Version 4")
	}
	return sig, sig.credential(q.Get("X-Amz-Credential"))
}

// credential reads "KEY/DATE/REGION/SERVICE/aws4_request".
func (s *signature) credential(v string) error {
	f := strings.Split(v, "/")
	if len(f) != 5 || f[0] == "" || f[4] != "aws4_request" {
		return refuse("IncompleteSignatureException", "Credential must be KEY/DATE/REGION/SERVICE/aws4_request")
	}
	s.Key, s.Date, s.Region, s.Service = f[0], f[1], f[2], f[3]
	return nil
}

// timely refuses a signature that is too old, or not yet good.
func (s *signature) timely(now time.Time) error {
	at, err := time.Parse("20060102T150405Z", s.At)
	if err != nil || !strings.HasPrefix(s.At, s.Date) {
		return refuse("IncompleteSignatureException", "X-Amz-Date is missing, malformed or not of the credential's day")
	}
	d := now.Sub(at)
	switch {
	case s.Expires > 0 && d > s.Expires:
		return refuse("InvalidSignatureException", "Signature expired: the URL was good until "+at.Add(s.Expires).Format(time.RFC3339)+"; make another")
	case d < -skew, s.Expires == 0 && d > skew:
		return refuse("InvalidSignatureException", "the signature's date is more than 15 minutes off; check the clocks")
	}
	return nil
}

const algorithm = "AWS4-HMAC-SHA256"

// parseAuthorization reads "AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=…, Signature=…".
func parseAuthorization(s string) (signature, error) {
	var sig signature
	rest, ok := strings.CutPrefix(s, algorithm+" ")
	if !ok {
		return sig, refuse("MissingAuthenticationTokenException", "sign the request with AWS Signature Version 4: this server has keys configured")
	}
	for part := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch k {
		case "Credential":
			if err := sig.credential(v); err != nil {
				return sig, err
			}
		case "SignedHeaders":
			sig.Signed = strings.Split(v, ";")
		case "Signature":
			sig.Sum = v
		}
	}
	if sig.Key == "" || len(sig.Signed) == 0 || len(sig.Sum) != 2*sha256.Size {
		return sig, refuse("IncompleteSignatureException", "the Authorization header lacks Credential, SignedHeaders or Signature")
	}
	return sig, nil
}

func refuse(kind, message string) error {
	return &gateway.Typed{Status: http.StatusForbidden, Type: kind, Err: fmt.Errorf("%s", message)}
}

// IsSigned says whether a request carries a signature, good or not.
func IsSigned(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), algorithm) || r.URL.RawQuery != "" && r.URL.Query().Has("X-Amz-Signature")
}

// Signed accepts every request where no keys are configured, else only those signed with one of them, and gives that one's
// id. It reads the body, since the signature covers it, and puts it back.
func (a *API) Signed(r *http.Request) (id string, err error) {
	if len(a.Keys) == 0 {
		return "", nil
	}
	sig, err := signatureOf(r)
	if err == nil {
		err = sig.timely(time.Now())
	}
	if err != nil {
		return "", err
	}
	secret, known := a.Keys[sig.Key]
	if !slices.Contains(sig.Signed, "host") {
		return "", refuse("IncompleteSignatureException", "the Host header must be signed")
	}
	limit := max(a.Response, a.Async, a.Control, defaultPayload) * 4
	body, err := gateway.ReadBody(r, limit, "the request")
	if err != nil {
		return "", err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	want, err := hex.DecodeString(sig.Sum)
	// An unknown key takes the same path as a wrong secret, in time as in its answer.
	if ok := subtle.ConstantTimeCompare(sign(r, sig, secret, body), want) == 1; !ok || !known || err != nil {
		return "", refuse("InvalidSignatureException", "the request's signature does not match a configured key")
	}
	return sig.Key, nil
}

// sign computes the signature that a request should carry; docs.aws.amazon.com, "Create a signed AWS API request".
func sign(r *http.Request, sig signature, secret string, body []byte) []byte {
	scope := strings.Join([]string{sig.Date, sig.Region, sig.Service, "aws4_request"}, "/")
	sum := sha256.Sum256([]byte(canonical(r, sig.Signed, body)))
	text := algorithm + "\n" + sig.At + "\n" + scope + "\n" + hex.EncodeToString(sum[:])
	key := []byte("AWS4" + secret)
	for _, part := range []string{sig.Date, sig.Region, sig.Service, "aws4_request", text} {
		m := hmac.New(sha256.New, key)
		io.WriteString(m, part)
		key = m.Sum(nil)
	}
	return key
}

// canonical is the canonical request. Lambda's paths are escaped once more, as every service's but S3's.
func canonical(r *http.Request, signed []string, body []byte) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + escape(r.URL.EscapedPath(), true) + "\n" + canonicalQuery(r.URL.RawQuery) + "\n")
	for _, name := range signed {
		b.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	sum := sha256.Sum256(body)
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + hex.EncodeToString(sum[:]))
	return b.String()
}

// headerValue joins a header's values, each with runs of spaces made one. net/http keeps Host and Content-Length apart.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return fmt.Sprint(r.ContentLength)
	}
	var all []string
	for _, v := range r.Header.Values(name) {
		all = append(all, strings.Join(strings.Fields(v), " "))
	}
	return strings.Join(all, ",")
}

func canonicalQuery(raw string) string {
	values, _ := url.ParseQuery(raw)
	var all [][2]string
	for k, vs := range values {
		for _, v := range vs {
			if k == "X-Amz-Signature" {
				continue // of a presigned URL: it cannot cover itself
			}
			all = append(all, [2]string{escape(k, false), escape(v, false)})
		}
	}
	slices.SortFunc(all, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	parts := make([]string, len(all))
	for i, p := range all {
		parts[i] = p[0] + "=" + p[1]
	}
	return strings.Join(parts, "&")
}

// escape percent-encodes everything but RFC 3986's unreserved characters, and "/" where it separates a path.
func escape(s string, path bool) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c == '-' || c == '_' || c == '.' || c == '~' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || path && c == '/' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
