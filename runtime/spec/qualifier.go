package spec

import "regexp"

var qualifier = regexp.MustCompile(`^([$]LATEST|[0-9A-Za-z_-]{1,128})$`)

// IsQualifier says whether a text has the form of Lambda's qualifiers: $LATEST, a version's number, or an alias's name.
func IsQualifier(text string) bool { return qualifier.MatchString(text) }
