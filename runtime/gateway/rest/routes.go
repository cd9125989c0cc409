package rest

import (
	"net/http"
	"slices"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/usage"
)

// What endpoints ask of their callers where the server asks who they are.
var (
	submits  = auth.One(auth.Submit)
	reads    = auth.One(auth.Read)
	measures = auth.One(auth.Metrics | auth.ReadAll)
)

// perModel is served under /v1/models/{model} and on the model's own port.
func perModel() []endpoint {
	return []endpoint{
		{"POST", "/generate", submits, func(a *API) handler { return a.generate }, operation{
			ID: "generate", Summary: "Queue one clip", Tag: "generate", In: modelRequest{}, Example: generateExample, Params: submitParams,
			Out: responses{200: {Text: "The job has ended within Prefer: wait", Body: jobView{}, Also: clip{}}, 202: {Text: "Queued", Body: jobView{}}}, Fails: append(slices.Clone(submitFails), 406, 502, 504),
			Long: "Prefer: wait=N holds the answer until the job has ended, at most N seconds; Prefer: respond-async and no preference answer at once. With Accept: video/mp4 and a wait that sufficed, the answer is the clip, or the problem when there is none. Accept: audio/wav asks a model that makes both for its sound alone, as output does; what Accept takes nothing of is refused before a job is made."}},
		{"POST", "/batch", submits, func(a *API) handler { return a.batch }, operation{
			ID: "batch", Summary: "Queue many clips in one call, all or none", Tag: "generate", In: modelBatch{}, Example: batchExample, Params: submitParams,
			Out: responses{202: {Text: "Queued", Body: jobList{}}}, Fails: submitFails}},
		{"POST", "/similar", submits, func(a *API) handler { return a.similar }, operation{
			ID: "similar", Summary: "Clips that there are already of prompts like the request's, and else of the same request", Tag: "generate", In: modelRequest{}, Example: similarExample, Params: submitParams[2:],
			Out: responses{200: {Text: "What is alike enough for this server's setting similar", Body: similarList{}}}, Fails: append(slices.Clone(submitFails), 503, 504),
			Long: "Nothing is queued. The model's text encoder says how alike prompts are; what it has not read yet it reads now. A request without a seed looks at clips of any seed."}},
		{"GET", "/jobs", reads, func(a *API) handler { return a.list }, listDoc("listModelJobs")},
		{"GET", "/jobs/{id}", reads, func(a *API) handler { return a.show }, showDoc("getModelJob")},
		{"DELETE", "/jobs/{id}", submits, func(a *API) handler { return a.cancel }, cancelDoc("cancelModelJob")},
		{"PATCH", "/jobs/{id}", submits, func(a *API) handler { return a.changeJob }, changeDoc("changeModelJob")},
		{"POST", "/jobs/{id}/retry", submits, func(a *API) handler { return a.retry }, retryDoc("retryModelJob")},
		{"GET", "/jobs/{id}/events", reads, func(a *API) handler { return a.events }, eventsDoc("watchModelJob")},
		{"GET", "/jobs/{id}/download", reads, func(a *API) handler { return a.download }, downloadDoc("downloadModelJob")},
		{"GET", "/jobs/{id}/stream.m3u8", reads, func(a *API) handler { return a.playlist }, playlistDoc("playlistOfModelJob")},
		{"GET", "/jobs/{id}/stream.mp4", reads, func(a *API) handler { return a.watch }, watchDoc("streamModelJob")},
		{"GET", "/jobs/{id}/chunks/{chunk}", reads, func(a *API) handler { return a.chunk }, chunkDoc("chunkOfModelJob")},
		{"GET", "/health", auth.Everybody, func(a *API) handler { return a.health }, operation{
			ID: "health", Summary: "Whether the API is up", Tag: "model", Out: responses{200: {Text: "Up", Body: healthView{}}}}},
		{"GET", "/ready", auth.Known, func(a *API) handler { return a.ready }, operation{
			ID: "ready", Summary: "Whether the model is loaded", Tag: "model", Out: responses{200: {Text: "Loaded", Body: readyView{}}, 503: {Text: "Not loaded; the first job loads it", Body: readyView{}}}, Fails: readFails}},
		{"GET", "/info", auth.Known, func(a *API) handler { return a.info }, operation{
			ID: "info", Summary: "What the model is and what it takes", Tag: "model", Out: responses{200: {Text: "The model", Body: infoView{}}}, Fails: readFails}},
		{"GET", "/metrics", measures, func(a *API) handler { return a.metrics }, operation{
			ID: "metrics", Summary: "What has been measured of the model; Prometheus text when Accept asks for text/plain", Tag: "model",
			Out: responses{200: {Text: "Measured", Body: metricsView{}, Also: prometheusText{}}}, Fails: readFails}},
	}
}

// global is served on the gateway's own port only.
func global() []endpoint {
	return []endpoint{
		{"GET", "/v1/models", auth.Known, func(a *API) handler { return a.models }, operation{
			ID: "listModels", Summary: "All models", Tag: "model", Out: responses{200: {Text: "By name", Body: modelList{}}}}},
		{"GET", "/v1/loras", auth.Known, func(a *API) handler { return a.loras }, operation{
			ID: "listLoras", Summary: "LoRAs that a request may name, where its model takes loras", Tag: "model", Out: responses{200: {Text: "By name", Body: loraList{}}}}},
		{"GET", "/v1/jobs", reads, func(a *API) handler { return a.list }, listDoc("listJobs", param{In: "query", Name: "model", Text: "Jobs of one model"})},
		{"GET", "/v1/jobs/{id}", reads, func(a *API) handler { return a.show }, showDoc("getJob")},
		{"DELETE", "/v1/jobs/{id}", submits, func(a *API) handler { return a.cancel }, cancelDoc("cancelJob")},
		{"PATCH", "/v1/jobs/{id}", submits, func(a *API) handler { return a.changeJob }, changeDoc("changeJob")},
		{"POST", "/v1/jobs/{id}/retry", submits, func(a *API) handler { return a.retry }, retryDoc("retryJob")},
		{"GET", "/v1/jobs/{id}/events", reads, func(a *API) handler { return a.events }, eventsDoc("watchJob")},
		{"GET", "/v1/jobs/{id}/download", reads, func(a *API) handler { return a.download }, downloadDoc("downloadJob")},
		{"GET", "/v1/jobs/{id}/stream.m3u8", reads, func(a *API) handler { return a.playlist }, playlistDoc("playlistOfJob")},
		{"GET", "/v1/jobs/{id}/stream.mp4", reads, func(a *API) handler { return a.watch }, watchDoc("streamJob")},
		{"GET", "/v1/jobs/{id}/chunks/{chunk}", reads, func(a *API) handler { return a.chunk }, chunkDoc("chunkOfJob")},
		{"GET", "/v1/events", reads, func(a *API) handler { return a.live }, operation{
			ID: "watchJobs", Summary: "Server-sent events of all jobs that wait, run or have just ended", Tag: "jobs", Params: []param{
				{"header", "Last-Event-ID", "Resume after this event", nil}},
			Out:  responses{200: {Text: "jobs: those that changed, those that have gone, and the queue; preview: a picture of a clip in the making", Body: eventStream{}}},
			Long: "The first event has every job of the board, the others what has changed. With Last-Event-ID of this server's run the first has only what has changed since.", Fails: []int{421}}},
		{"GET", "/v1/analytics", measures, func(a *API) handler { return a.analytics }, operation{
			ID: "analytics", Summary: "What the queue has done over a span of time", Tag: "jobs", Params: []param{
				{"query", "span", "1h, 24h (default), 7d or 30d, up to now", map[string]any{"type": "string", "enum": []string{"1h", "24h", "7d", "30d"}}},
				{"query", "from", "Instead of span: the beginning", textOf(0, timeForm)},
				{"query", "to", "The end; default now", textOf(0, timeForm)},
				{"query", "model", "Jobs of one model", nil}, {"query", "client", "Jobs of one client", nil},
				{"query", "zone", "The time zone whose days and hours are counted, as America/Sao_Paulo; default UTC", nil},
				{"query", "by", "What a table is of: time (default), model, client, hour or failure", map[string]any{"type": "string", "enum": []string{"time", "model", "client", "hour", "failure"}}}},
			Long: "It is made of the records in the store: restarts lose nothing, retention and purges take what they remove. Accept: text/csv gives a table: the steps over time, or what by says; a text that a spreadsheet would take for a formula begins with an apostrophe there.",
			Out:  responses{200: {Text: "The report", Body: usage.Report{}, Also: table{}}}, Fails: append([]int{400}, readFails...)}},
		{"PUT", "/v1/uploads", submits, func(a *API) handler { return a.upload }, operation{
			ID: "upload", Summary: "Keep a file for requests to come, which name it by its reference where they take a file", Tag: "uploads", In: anyBytes{}, Params: submitParams[2:],
			Long: "It waits for a day and belongs to the client that sent it. A form (multipart/form-data) on /generate takes files as well, in parts named as the fields. What is said to be a picture, moving pictures or sound and does not begin like any is refused; of which kind it is within that the file itself is believed.",
			Out:  responses{201: {Text: "Kept", Body: uploadView{}}}, Fails: []int{400, 403, 408, 413, 421, 422, 429, 507}}},
		{"GET", "/v1/uploads/{id}", submits, func(a *API) handler { return a.uploaded }, operation{
			ID: "getUpload", Summary: "One upload", Tag: "uploads", Params: submitParams[2:], Out: responses{200: {Text: "The upload", Body: uploadView{}}}, Fails: readFails}},
		{"DELETE", "/v1/uploads/{id}", submits, func(a *API) handler { return a.dropUpload }, operation{
			ID: "dropUpload", Summary: "Remove an upload; jobs that name it keep theirs", Tag: "uploads", Params: submitParams[2:], Out: responses{204: {Text: "Removed"}}, Fails: []int{403, 404, 421}}},
		{"GET", "/openapi.json", auth.Known, func(a *API) handler { return a.openapi }, openapiDoc},
	}
}

// global is what this server has on the gateway's own port.
func (a *API) global() []endpoint {
	if a.o.Experiments == nil {
		return global()
	}
	return append(global(), experimentEndpoints()...)
}

// ownOpenAPI is what a model's own port has besides perModel.
func ownOpenAPI() endpoint {
	return endpoint{"GET", "/openapi.json", auth.Known, func(a *API) handler { return a.openapi }, openapiDoc}
}

var openapiDoc = operation{ID: "openapi", Summary: "This document", Tag: "model", Out: responses{200: {Text: "OpenAPI 3.1", Body: anObject{}}}}

var (
	generateExample = map[string]any{"prompt": "a big red circle moving right on a navy background", "num_inference_steps": 20, "seed": 7, "priority": "high"}
	similarExample  = map[string]any{"prompt": "a big red circle that moves right on a navy background", "num_inference_steps": 20, "seed": 7}
	batchExample    = map[string]any{"prompts": []string{"a red circle", "a blue square"}, "seed": 7, "priority": "low"}
)

var submitFails = []int{http.StatusBadRequest, 403, 404, 408, 409, 413, 415, 421, 422, 429, 507}

// readFails are what any request may meet.
var readFails = []int{http.StatusNotFound, 421}

func textOf(most int, pattern string) any {
	s := map[string]any{"type": "string"}
	if most > 0 {
		s["maxLength"] = most
	}
	if pattern != "" {
		s["pattern"] = pattern
	}
	return s
}

// printable is what a header may hold: no control characters.
const printable = `^[^\u0000-\u001f\u007f]*$`

var submitParams = []param{
	{"header", "Idempotency-Key", "A repeated request with the same key gives the job of the first one", textOf(jobs.MaxKey, printable)},
	{"header", "Prefer", "respond-async, or wait=N with N in seconds; cache answers /generate with the clip of an earlier request that asked the same with the same seed, cache=any with any seed; similar=N also with that of a prompt whose likeness by the model's text encoder is N or more, and not below the server's setting, which a similar alone takes", nil},
	{"header", "X-Client-Id", "Who asks; jobs of different clients take turns", textOf(jobs.MaxClient, printable)},
}

func listDoc(id string, more ...param) operation {
	return operation{ID: id, Summary: "Jobs, newest first", Tag: "jobs", Params: append(more, []param{
		{"query", "state", "One or more of queued, running, completed, failed, cancelled, dead, by commas; dead is the dead-letter list", textOf(0, states)},
		{"query", "batch", "Jobs of one batch", nil},
		{"query", "client", "Jobs of one client", nil},
		{"query", "q", "Jobs with this in their prompt, whatever the case", nil},
		{"query", "limit", "How many at most", map[string]any{"type": "integer", "minimum": 1, "maximum": maxPage, "default": defaultPage}},
		{"query", "before", "The last page's next", textOf(0, idForm.String())},
	}...), Out: responses{200: {Text: "One page", Body: jobList{}}}, Fails: append([]int{400}, readFails...)}
}

// timeForm is a time as ?from= and ?to= take it.
const timeForm = `^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$`

// states is what ?state= takes.
const states = `^(queued|running|completed|failed|cancelled|dead)(,(queued|running|completed|failed|cancelled|dead))*$`

var flagSchema = map[string]any{"type": "boolean"}

func showDoc(id string) operation {
	return operation{ID: id, Summary: "One job", Tag: "jobs", Params: []param{{"header", "Prefer", "wait=N waits until the job has ended", nil}},
		Out: responses{200: {Text: "The job", Body: jobView{}}}, Fails: readFails}
}

func cancelDoc(id string) operation {
	return operation{ID: id, Summary: "Cancel a job; ?purge=true removes an ended one with its clip", Tag: "jobs", Params: []param{
		{"query", "purge", "true removes the record and the clip of an ended job", flagSchema}},
		Out: responses{200: {Text: "Ended", Body: jobView{}}, 202: {Text: "The node that runs it has been asked", Body: jobView{}}, 204: {Text: "Removed"}}, Fails: []int{400, 403, 404, 409, 421}}
}

func changeDoc(id string) operation {
	return operation{ID: id, Summary: "Give a waiting job another priority", Tag: "jobs", In: jobChange{}, Example: map[string]any{"priority": "high"},
		Long: "It takes its place by the time at which it was submitted. A job that runs or has ended is a conflict.",
		Out:  responses{200: {Text: "Changed", Body: jobView{}}}, Fails: []int{400, 403, 404, 408, 409, 413, 415, 421, 422}}
}

func retryDoc(id string) operation {
	return operation{ID: id, Summary: "Queue a failed, dead or cancelled job again", Tag: "jobs", Out: responses{202: {Text: "Queued", Body: jobView{}}}, Fails: []int{403, 404, 409, 421, 429, 507}}
}

func eventsDoc(id string) operation {
	return operation{ID: id, Summary: "Server-sent events until the job has ended", Tag: "jobs", Params: []param{
		{"header", "Last-Event-ID", "Resume after this event", nil}},
		Out: responses{200: {Text: "queued (position), running, progress, preview, chunk (with its url), and the ended state with the whole job", Body: eventStream{}},
			204: {Text: "Last-Event-ID is the last event: there is nothing more to come"}}, Fails: readFails}
}

func downloadDoc(id string) operation {
	return operation{ID: id, Summary: "The clip; Range, If-Range and If-None-Match are honoured", Tag: "jobs", Params: []param{
		{"query", "inline", "true shows it in the browser", flagSchema}, {"query", "piece", "One of the result's pieces instead of the clip", nil}},
		Out: responses{200: {Text: "The clip", Body: clip{}}, 206: {Text: "A range of it", Body: clip{}}, 304: {Text: "It is what If-None-Match says"}}, Fails: []int{400, 404, 406, 409, 416, 421}}
}

func playlistDoc(id string) operation {
	return operation{ID: id, Summary: "HLS playlist of a clip's chunks, while it is made and afterwards", Tag: "jobs",
		Out: responses{200: {Text: "The chunks that are there", Body: playlistText{}}, 206: {Text: "A range of it", Body: playlistText{}}, 304: {Text: "It is what If-None-Match says"}}, Fails: append([]int{416, 503}, readFails...)}
}

func watchDoc(id string) operation {
	return operation{ID: id, Summary: "The clip as it comes, as fragmented MP4 until its end", Tag: "jobs", Params: []param{
		{"query", "from", "The first chunk that is sent, behind the head; to resume", map[string]any{"type": "integer", "minimum": 0, "maximum": 1 << 20, "default": 0}}},
		Out: responses{200: {Text: "The clip", Body: clip{}}}, Fails: append([]int{400, 503}, readFails...)}
}

func chunkDoc(id string) operation {
	return operation{ID: id, Summary: "One chunk of a clip (0.m4s, 1.m4s, …), or what stands before them (init.mp4; init.7.mp4 where those from the seventh on have another)", Tag: "jobs",
		Out: responses{200: {Text: "The chunk", Body: clip{}}, 206: {Text: "A range of it", Body: clip{}}, 304: {Text: "It is what If-None-Match says"}}, Fails: append([]int{416}, readFails...)}
}
