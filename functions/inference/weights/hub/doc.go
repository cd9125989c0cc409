// Package hub downloads checkpoints from a Hugging Face endpoint: the files of one revision of a repository, several at
// once, each resumed where an earlier attempt stopped and verified by its digest before it gets its name. It speaks
// GET /api/models/{repo}/revision/{rev}, GET /api/models/{repo}/tree/{commit}?recursive=1 (with its Link pages) and
// GET /{repo}/resolve/{commit}/{path}.
package hub
