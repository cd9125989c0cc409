package gateway

import (
	"net/http"
	"regexp"
)

// lambdaPath is how the paths of Lambda's API begin: with the date of a version.
var lambdaPath = regexp.MustCompile(`^/20[0-9]{2}-[0-9]{2}-[0-9]{2}(/|$)`)

// refuse answers where no API does: in Lambda's shape under Lambda's paths, elsewhere with problem details (RFC 9457).
func refuse(w http.ResponseWriter, r *http.Request, p Problem) {
	if lambdaPath.MatchString(r.URL.Path) {
		WriteProblem(w, p)
		return
	}
	writeDetails(w, r, p)
}

// Refuse is refuse for what comes before the APIs.
func Refuse(w http.ResponseWriter, r *http.Request, p Problem) { refuse(w, r, p) }

// OfLambda says whether a path is one of Lambda's API.
func OfLambda(path string) bool { return lambdaPath.MatchString(path) }
