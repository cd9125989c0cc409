// Package registry is the catalogue of functions: manifests on disk (FUNCTIONS/*/function.yaml, watched with fsnotify),
// functions made through the API, published versions, and aliases with weighted routing.
//
// A manifest is read strictly: a mistake names file, line, field and what is allowed, and what served before goes on
// serving. State that is not on disk already (versions, aliases, functions made or changed through the API) is written
// atomically, one file per function, before it becomes visible. Where a manifest and the API both define a function's
// $LATEST, the later change wins. A published version freezes the manifest; files that it points to by path stay where
// they are.
//
// The package knows nothing of instances: who wants to know of changes subscribes.
package registry
