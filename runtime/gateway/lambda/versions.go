package lambda

import (
	"net/http"

	"github.com/videosdgx/videosdgx/runtime/gateway"
)

type versionList struct {
	Versions   []configuration `json:"Versions"`
	NextMarker string          `json:"NextMarker,omitempty"`
}

// listVersions is ListVersionsByFunction.
func (a *API) listVersions(w http.ResponseWriter, r *http.Request) error {
	ref, _, err := a.findName(r)
	if err != nil {
		return err
	}
	versions, err := a.Functions.Versions(r.Context(), ref.Name)
	if err != nil {
		return err
	}
	all := make([]configuration, 0, len(versions))
	for _, v := range versions {
		all = append(all, a.configure(r.Context(), v, v.Version))
	}
	page, next, err := paged(r, all)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, versionList{page, next})
	return nil
}

type publishInput struct {
	Description string  `json:"Description"`
	CodeSha256  string  `json:"CodeSha256"`
	RevisionID  *string `json:"RevisionId"`
}

// publishVersion is PublishVersion.
func (a *API) publishVersion(w http.ResponseWriter, r *http.Request) error {
	var in publishInput
	if err := a.decode(r, &in); err != nil {
		return err
	}
	a.edit.Lock()
	defer a.edit.Unlock()
	ref, fn, err := a.findName(r)
	if err != nil {
		return err
	}
	if in.CodeSha256 != "" {
		if now := a.configure(r.Context(), fn, "").CodeSha256; in.CodeSha256 != now {
			return invalid("CodeSha256 %s is not that of $LATEST, %s", in.CodeSha256, now)
		}
	}
	if err := checkRevision(revision(fn), in.RevisionID); err != nil {
		return err
	}
	v, err := a.Functions.Publish(r.Context(), ref.Name, in.Description)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusCreated, a.configure(r.Context(), v, v.Version))
	return nil
}
