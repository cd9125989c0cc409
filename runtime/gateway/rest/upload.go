package rest

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// uploadView is an upload as its owner sees it.
type uploadView struct {
	ID          string    `json:"id"`
	Reference   string    `json:"reference" doc:"What a request says where it takes a file"`
	Size        int64     `json:"size_bytes"`
	SHA256      string    `json:"sha256"`
	ContentType string    `json:"content_type,omitempty"`
	Expires     time.Time `json:"expires_at"`
}

func uploadOf(u jobs.Upload) uploadView {
	return uploadView{u.ID, schema.UploadValue(u.ID), u.Size, u.SHA256, u.ContentType, u.Expires}
}

// upload is PUT /v1/uploads: a file for requests to come.
func (a *API) upload(w http.ResponseWriter, r *http.Request) error {
	body := bufio.NewReader(r.Body)
	if _, err := body.Peek(1); errors.Is(err, io.EOF) {
		return invalid(http.StatusBadRequest, []jobs.FieldError{{Detail: "the body is empty: send the file as it is."}})
	}
	owner := a.o.Client(r)
	if bad := (jobs.Submit{Client: owner}).Validate(); bad != nil {
		return invalid(http.StatusUnprocessableEntity, bad)
	}
	file, said := look(body), r.Header.Get("Content-Type")
	if bad := file.misfit(said, schema.File{}); bad != "" {
		return invalid(http.StatusUnprocessableEntity, []jobs.FieldError{{Detail: "the body " + bad + "."}})
	}
	u, err := a.o.Jobs.Upload(r.Context(), owner, file.typeOf(said), file, a.o.MaxUpload)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/uploads/"+u.ID)
	return write(w, http.StatusCreated, uploadOf(u))
}

// uploaded is GET /v1/uploads/{id}.
func (a *API) uploaded(w http.ResponseWriter, r *http.Request) error {
	u, err := a.o.Jobs.FindUpload(a.o.Client(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, uploadOf(u))
}

// dropUpload is DELETE /v1/uploads/{id}: jobs that name the upload keep theirs.
func (a *API) dropUpload(w http.ResponseWriter, r *http.Request) error {
	u, err := a.o.Jobs.FindUpload(a.o.Client(r), r.PathValue("id"))
	if err == nil {
		err = a.o.Jobs.DropUpload(u.ID)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
