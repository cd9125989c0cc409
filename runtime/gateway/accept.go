package gateway

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// span is one media range of an Accept header.
type span struct {
	kind string // type/subtype, type/* or */*
	q    float64
}

// accepted reads Accept (RFC 9110, 12.5.1), in its order; several headers are one list. What is no media range asks for
// something all the same: its kind is "", which nothing is of. Lists may have empty elements, which say nothing.
func accepted(r *http.Request) (all []span) {
	for _, line := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(part) == "" {
				continue
			}
			kind, params, err := mime.ParseMediaType(part)
			if err != nil {
				kind = ""
			}
			q, err := strconv.ParseFloat(params["q"], 64)
			if err != nil {
				q = 1
			}
			all = append(all, span{kind, q})
		}
	}
	return all
}

// WantsOnly says whether Accept names a media type and nothing else: what it merely lists beside others, or forbids with
// q=0, does not count.
func WantsOnly(r *http.Request, media string) bool {
	wanted := false
	for _, s := range accepted(r) {
		if s.q <= 0 {
			continue
		}
		if s.kind != media {
			return false
		}
		wanted = true
	}
	return wanted
}

// Negotiate gives the offer that a request wants most: of the highest q, of those the one that Accept lists first, of those the
// first offer. An offer may be a range such as video/*: whatever there is of it. The first offer is for who wants none of them.
func Negotiate(r *http.Request, offers ...string) string {
	spans := accepted(r)
	best, bestQ, bestAt := offers[0], 0.0, len(spans)
	for _, offer := range offers {
		if q, at := weigh(spans, offer); q > bestQ || q > 0 && q == bestQ && at < bestAt {
			best, bestQ, bestAt = offer, q, at
		}
	}
	return best
}

// Acceptable says whether a request takes one of the offers at all; one that names nothing takes anything.
func Acceptable(r *http.Request, offers ...string) bool {
	spans := accepted(r)
	return len(spans) == 0 || slices.ContainsFunc(offers, func(offer string) bool {
		q, _ := weigh(spans, offer)
		return q > 0
	})
}

// weigh gives the q of an offer by the most specific range that holds it, and where that stands.
func weigh(spans []span, offer string) (q float64, at int) {
	top, sub, _ := strings.Cut(offer, "/")
	close := 0
	for i, s := range spans {
		spanTop, spanSub, _ := strings.Cut(s.kind, "/")
		n := 0
		switch {
		case spanTop == top && spanSub != "*" && (spanSub == sub || sub == "*"):
			n = 3
		case spanTop == top && spanSub == "*":
			n = 2
		case s.kind == "*/*":
			n = 1
		}
		if n > close || n == close && n > 0 && s.q > q {
			close, q, at = n, s.q, i
		}
	}
	return q, at
}
