// Package ui is the web page that the server has at /: its files are part of the program, and nothing of it comes from
// elsewhere. It is ES modules and a style sheet, as they lie in web, so that go build is all there is to building it.
// The page uses the same public API as everybody else.
package ui
