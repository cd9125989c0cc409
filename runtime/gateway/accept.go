package gateway

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// WantsOnly says whether Accept names a media type and nothing else: what it merely lists beside others, or forbids with
// q=0, does not count.
func WantsOnly(r *http.Request, media string) bool {
	wanted := false
	for _, line := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(line, ",") {
			kind, params, err := mime.ParseMediaType(part)
			if err != nil || forbidden(params["q"]) {
				continue
			}
			if kind != media {
				return false
			}
			wanted = true
		}
	}
	return wanted
}

func forbidden(q string) bool {
	v, err := strconv.ParseFloat(q, 64)
	return err == nil && v <= 0
}
