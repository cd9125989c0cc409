package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/google/uuid"

	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/answer"
	"github.com/videosdgx/videosdgx/runtime/spec/urlevent"
)

// Similar is an earlier clip of a prompt that is near to another one.
type Similar struct {
	Job        Job
	Similarity float64 // of the prompts, by the model's text encoder: 1 is the same
}

// What is looked through for one request, and how long the function may take for it.
const (
	maxSimilar   = 256 // clips, the latest first
	maxEmbedded  = 32  // texts that one event has, as functions/handler takes
	maxEmbedBody = 16 << 20
)

// ErrNoVectors says that a model's function gives no vectors of prompts.
var ErrNoVectors = fmt.Errorf("the model gives no vectors of prompts: %w", errdefs.ErrNotImplemented)

// Similar gives completed jobs that were asked the same as key says, but for the prompt, and whose prompts are alike to this one by at
// least that much; the most alike first. key is a Submit's Around or AroundLoose. Only jobs for which may says yes, whose clips
// are there. It asks the model's function for what is not known of the prompts yet, which starts an instance where there is none, and
// waits for that at most as long as the configuration says. It counts nothing: CountKept does.
func (s *Service) Similar(ctx context.Context, m Model, key, prompt string, least float64, may func(Job) bool) ([]Similar, error) {
	if _, no := s.wordless.Load(m.Identity); no {
		return nil, ErrNoVectors
	}
	found, err := s.around(ctx, key, may)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	texts := []string{prompt}
	for _, j := range found {
		texts = append(texts, j.Prompt())
	}
	known, err := s.embedAll(ctx, m, texts)
	if err != nil {
		return nil, err
	}
	var out []Similar
	for _, j := range found {
		if like := likeness(known[prompt], known[j.Prompt()]); like >= least {
			out = append(out, Similar{j, like})
		}
	}
	same := func(x Similar) int {
		if x.Job.Prompt() == prompt {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(out, func(a, b Similar) int { // what an encoder cannot tell apart need not be the same
		return cmp.Or(same(b)-same(a), cmp.Compare(b.Similarity, a.Similarity))
	})
	return out, nil
}

// around gives the completed jobs under a key, the latest first.
func (s *Service) around(ctx context.Context, key string, may func(Job) bool) (out []Job, err error) {
	for _, id := range s.shelf.near(key) {
		j, err := s.deps.Store.Get(ctx, id)
		switch {
		case errdefs.IsNotFound(err):
		case err != nil:
			return nil, err
		case j.State == Completed && j.Result != nil && !j.Result.Removed && (j.Around == key || j.AroundLoose == key) && s.hasFile(j):
			if may(j) {
				out = append(out, j)
			}
			continue
		}
		s.shelf.part(key, id)
	}
	return out, nil
}

// embedAll gives the vectors of texts by the text: those that are kept, and the others from the function, which are kept then.
func (s *Service) embedAll(ctx context.Context, m Model, texts []string) (map[string][]float32, error) {
	known := map[string][]float32{}
	var missing []string
	for _, text := range texts {
		if _, twice := known[text]; twice {
			continue
		}
		if known[text] = s.vectors.get(vectorName(m.Identity, text)); known[text] == nil {
			missing = append(missing, text)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.EmbedTime)
	defer cancel()
	for some := range slices.Chunk(missing, maxEmbedded) {
		got, err := s.embed(ctx, m, some)
		if err != nil {
			return nil, err
		}
		for i, text := range some {
			v, err := vectorOf(got[i])
			if err != nil {
				return nil, fmt.Errorf("the vector that function %s gives of a prompt cannot be used: %w", m.Function, err)
			}
			known[text] = v
			s.try("keeping a prompt's vector", s.vectors.put(vectorName(m.Identity, text), got[i]))
		}
	}
	return known, nil
}

// embed asks a model's function for the vectors of some texts.
func (s *Service) embed(ctx context.Context, m Model, texts []string) ([][]byte, error) {
	body, err := json.Marshal(map[string]any{"prompts": texts})
	if err != nil {
		return nil, err
	}
	id := uuid.NewString()
	event := urlevent.New(id, http.MethodPost, "/embed", map[string]string{"accept": "application/json", "content-type": "application/json"}, body, s.clock()).Encode()
	res, err := s.deps.Runner.Invoke(ctx, spec.Invocation{ID: id, Function: m.Function, Payload: event})
	if err != nil {
		return nil, fmt.Errorf("asking function %s for the vectors of prompts: %w", m.Function, err)
	}
	defer res.Body.Close()
	status, text, err := s.readEmbed(res)
	if err != nil {
		return nil, fmt.Errorf("asking function %s for the vectors of prompts: %w", m.Function, err)
	}
	var got struct{ Vectors [][]byte }
	switch {
	case status == http.StatusOK && json.Unmarshal(text, &got) == nil && len(got.Vectors) == len(texts):
		return got.Vectors, nil
	case status >= 500 && status != http.StatusNotImplemented:
		return nil, fmt.Errorf("function %s answers %d when it is asked for the vectors of prompts: %w", m.Function, status, errdefs.ErrUnavailable)
	}
	s.wordless.Store(m.Identity, true) // another bundle or version has another identity
	return nil, ErrNoVectors
}

// readEmbed reads an answer of either form.
func (s *Service) readEmbed(res *spec.Result) (status int, text []byte, err error) {
	head, body, err := answer.Open(res)
	if err == nil && head.StatusCode == 0 {
		b := s.spool.Buffer()
		defer b.Close()
		whole, failed, err := answer.Whole(res, b, maxEmbedBody)
		switch {
		case err != nil:
			return 0, nil, err
		case failed != nil:
			return 0, nil, failedWith(failed)
		}
		head, body = whole.Head, whole.Body.Open()
	}
	if err != nil {
		return 0, nil, err
	}
	text, err = io.ReadAll(io.LimitReader(body, maxEmbedBody))
	if err == nil {
		if f := answer.FailureOf(res, nil); f != nil {
			err = failedWith(f)
		}
	}
	return head.StatusCode, text, err
}

func failedWith(f *answer.Failure) error {
	text, _ := f.Message()
	return errors.New("it failed: " + text)
}
