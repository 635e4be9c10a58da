// Package docs has the pages of this directory that a program needs.
package docs

import _ "embed" // for the page

// FromTwisted is the page from-twisted.md.
//
//go:embed from-twisted.md
var FromTwisted string
